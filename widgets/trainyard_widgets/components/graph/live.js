// What the service says of the graph as it is now: problems, counts, estimate, and the eight samples at the selected node.
import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../words.js";

const MOST = 3.5 * 2 ** 20; // bytes of a graph; the pages service closes a connection that sends more than 4 MiB at once
const PAUSE = 350; // after the last change, in milliseconds
const NONE = { problems: [], counts: {}, estimate: null };

// ``fresh`` is false while the shown answer is of an earlier graph; ``error`` is why there is none.
export function useCheck(send, graph, seed) {
  const [answer, setAnswer] = useState({ ...NONE, asked: null, error: null });
  const question = useRef(null);
  useEffect(() => {
    question.current = graph;
    const timer = setTimeout(async () => {
      try {
        const told = await send("check", { graph: graph, seed });
        if (question.current === graph) setAnswer({ ...NONE, ...told, asked: graph, error: null });
      } catch (error) {
        if (question.current === graph) setAnswer((old) => ({ ...old, asked: graph, error }));
      }
    }, PAUSE);
    return () => clearTimeout(timer);
  }, [graph, seed]);
  return { ...answer, fresh: answer.asked === graph };
}

// ``samples`` null: not yet; ``ready``: the graph can be drawn at that node.
export function usePreview(send, { graph, seed, node, ready }) {
  const [answer, setAnswer] = useState({ samples: null, node: null, error: null, asked: null });
  const key = `${node}/${seed}`;
  const question = useRef("");
  useEffect(() => {
    if (!node || !ready) return undefined;
    question.current = { graph, key };
    const mine = question.current;
    const timer = setTimeout(async () => {
      try {
        const told = await send("preview", { graph: graph, seed, node });
        if (question.current === mine) setAnswer({ samples: told.samples, node, error: null, asked: graph });
      } catch (error) {
        if (question.current === mine) setAnswer((old) => ({ ...old, error, asked: graph, node }));
      }
    }, PAUSE + 150);
    return () => clearTimeout(timer);
  }, [graph, key, ready]);
  return { ...answer, fresh: answer.asked === graph && answer.node === node };
}


function mustBeSendable(graph) {
  const named = graph.nodes.reduce((sum, node) => sum + (node.classes?.length ?? 0) + Object.keys(node.multiples ?? {}).length, 0);
  if (named < 10_000 || new Blob([JSON.stringify(graph)]).size <= MOST) return;
  throw { code: "graph-too-large", message: t("The graph names more classes than can be sent."), hint: t("Name fewer of them in its filters and multiples.") };
}
