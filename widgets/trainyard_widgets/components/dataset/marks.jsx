// Boxes, outlines and points drawn over a picture, to the scale of the original.

// Apart for every kind of colour blindness (Okabe and Ito), on dark and on bright pictures; the class is written on the box too.
const COLOURS = ["#56b4e9", "#e69f00", "#00b384", "#f0e442", "#ff7a3d", "#d68bb8", "#8fb3ff"];

export const colourOf = (colours, name) => COLOURS[(colours[name] ?? 0) % COLOURS.length];

// Lists name the pixels that are stored; pictures are shown as their EXIF orientation (1 to 8) turns them. ``width`` and
// ``height`` are those shown.
const TURNS = {
  2: (x, y, width) => [width - x, y], 3: (x, y, width, height) => [width - x, height - y], 4: (x, y, width, height) => [x, height - y],
  5: (x, y) => [y, x], 6: (x, y, width) => [width - y, x], 7: (x, y, width, height) => [width - y, height - x], 8: (x, y, width, height) => [y, height - x],
};

export function upright(mark, turned, width, height) {
  const turn = TURNS[turned];
  if (!turn) return mark;
  const at = ([x, y]) => turn(x, y, width, height);
  const [one, other] = [at([mark.left, mark.top]), at([mark.left + mark.width, mark.top + mark.height])];
  return {
    ...mark, left: Math.min(one[0], other[0]), top: Math.min(one[1], other[1]), width: Math.abs(one[0] - other[0]), height: Math.abs(one[1] - other[1]),
    polygon: mark.polygon.map(at), points: mark.points.map(at),
  };
}

export function Marks({ marks, colours, width, height, turned = 1, named }) {
  const line = Math.max(width, height) / (named ? 300 : 75);
  const letters = Math.max(width, height) / 45;
  return (
    <svg class="ty-boxes" viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="xMidYMid meet" aria-hidden="true">
      {marks.map((mark, place) => <Mark key={place} mark={upright(mark, turned, width, height)} colour={colourOf(colours, mark.class)} line={line} letters={named ? letters : 0} />)}
    </svg>
  );
}

function Mark({ mark, colour, line, letters }) {
  const outline = mark.polygon.length > 2 && mark.polygon.map((point) => point.join(",")).join(" ");
  const dashes = mark.difficult ? `${line * 4} ${line * 3}` : undefined;
  return (
    <g fill="none">
      <rect x={mark.left} y={mark.top} width={mark.width} height={mark.height} stroke="#000b" stroke-width={line * 1.8} opacity={outline ? 0.5 : 1} />
      <rect x={mark.left} y={mark.top} width={mark.width} height={mark.height} stroke={colour} stroke-width={outline ? line / 2 : line} stroke-dasharray={dashes} />
      {outline && <polygon points={outline} fill={colour} fill-opacity="0.28" stroke={colour} stroke-width={line} />}
      {mark.points.map(([x, y], number) => <circle key={number} cx={x} cy={y} r={line * 1.5} fill={colour} stroke="#000b" stroke-width={line / 3} />)}
      {letters > 0 && <text x={mark.left + line} y={Math.max(letters, mark.top - line * 2)} font-size={letters} fill={colour} stroke="#000c" stroke-width={letters / 6} paint-order="stroke">{mark.class}</text>}
    </g>
  );
}
