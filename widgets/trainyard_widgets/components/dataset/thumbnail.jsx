// One picture with what is drawn on it, loaded when it comes into view; one that cannot be shown says why. What a busy platform or
// a slow server refuses for now is asked for again.
import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "../icons.jsx";
import { call, SERVICE } from "../service.js";
import { t } from "../words.js";
import { Marks } from "./marks.jsx";

export const THUMBNAIL = 320;
export const LARGE = 1600;
const PAUSES = [1, 3, 9];
const PREFIX = `${SERVICE}api/v1`;

// ``picture`` is its address as the record gives it; ``marks`` are boxes and outlines in pixels of the original.
export function Thumbnail({ picture, name, marks = [], colours = {}, size = THUMBNAIL, named }) {
  const [shown, setShown] = useState(null);
  const [problem, setProblem] = useState("");
  const place = useRef(null);
  useEffect(() => {
    const controller = new AbortController();
    let address = null;
    setProblem("");
    setShown(null);
    const load = async (pauses = PAUSES) => {
      try {
        const answer = await call("GET", pathOf(picture, size), { signal: controller.signal });
        address = URL.createObjectURL(await answer.blob());
        if (controller.signal.aborted) return URL.revokeObjectURL(address);
        return setShown({ address, width: Number(answer.headers.get("Picture-Width")) || 0, height: Number(answer.headers.get("Picture-Height")) || 0, turned: Number(answer.headers.get("Picture-Turned")) || 1 });
      } catch (error) {
        if (controller.signal.aborted) return undefined;
        if (pauses.length && passes(error)) return void setTimeout(load, pauses[0] * 1000, pauses.slice(1));
        return setProblem(error?.message ?? t("It cannot be shown."));
      }
    };
    const observer = new IntersectionObserver((seen) => {
      if (!seen.some((one) => one.isIntersecting)) return;
      observer.disconnect();
      load();
    }, { rootMargin: "200px" });
    observer.observe(place.current);
    return () => {
      controller.abort();
      observer.disconnect();
      if (address) URL.revokeObjectURL(address);
    };
  }, [picture, size]);
  const measured = (event) => {
    if (!shown.width) setShown({ ...shown, width: event.target.naturalWidth, height: event.target.naturalHeight });
  };
  return (
    <span class="ty-picture-frame" ref={place}>
      {problem && <span class="ty-picture-broken" title={problem}><Icon name="warning" size={24} /><span>{problem}</span></span>}
      {shown && !problem && <img src={shown.address} alt={name} onLoad={measured} onError={() => setProblem(t("It cannot be shown."))} class={shown.width && shown.width < 100 ? "ty-tiny" : undefined} />}
      {shown?.width > 0 && !problem && marks.length > 0 && <Marks marks={marks} colours={colours} width={shown.width} height={shown.height} turned={shown.turned} named={named} />}
    </span>
  );
}

// Whether it may work in a moment: no answer at all, too many at once, or away for now.
const passes = (error) => !error?.status || [429, 502, 503, 504].includes(error.status);

// The record's address, absolute or below the service, as a path of the service's interface.
function pathOf(picture, size) {
  const address = new URL(picture, new URL(SERVICE, location.href));
  address.searchParams.set("size", size);
  return `${address.pathname.slice(address.pathname.indexOf(PREFIX) + PREFIX.length)}${address.search}`;
}
