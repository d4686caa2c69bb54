// Graphs for common wishes, made for the dataset at hand: a start to change, not an end.
import { N_, t } from "../words.js";
import { defaultsOf } from "./parameters.jsx";
import { MOST_MULTIPLE, TYPES } from "./model.js";

export const RECIPES = [
  { id: "double", title: N_("Double one class, keep the rest"), text: N_("The rarest class goes through a random process and comes out twice as large; all other pictures go on as they are.") },
  { id: "balance", title: N_("Balance the classes"), text: N_("Each class is multiplied until it is about as large as the largest, at most tenfold.") },
  { id: "mirror", title: N_("Mirror everything"), text: N_("Every picture once more, mirrored left to right: twice the dataset, boxes move along.") },
];
const TENFOLD = 10;

// Why a recipe cannot be made of this dataset; empty where it can.
export function whyNotRecipe(id, set) {
  if (id === "mirror") return "";
  const classes = (set?.classes ?? []).filter(([, images]) => images > 0);
  return classes.length < 2 ? t("It needs a label set with two classes at least.") : "";
}

export function recipe(id, { set, operations, unlabelled }) {
  if (id === "double") return doubled(set, operations, unlabelled);
  const names = { input: t(TYPES.input), augment: t(TYPES.augment), output: t(TYPES.output) };
  const node = id === "balance" ? balancing(names.augment, set, operations) : { ...process(names.augment, set, [{ op: "flop" }], operations), multiple: 2 };
  return {
    version: 1,
    nodes: [{ id: names.input, type: "input" }, node, { id: names.output, type: "output" }],
    edges: [[names.input, names.augment], [names.augment, names.output]],
  };
}

// gentler than an operation's own defaults: what is upright stays upright
const GENTLY = { flop: { op: "flop", probability: 0.5 }, rotate: { op: "rotate", parameters: { angle: [-15, 15] } } };

function process(id, set, wanted, operations) {
  const ops = wanted.filter((one) => operations[one.op]).map(({ op, probability = 1, parameters }) => ({ op, probability, parameters: { ...defaultsOf(operations[op]), ...parameters } }));
  return { id, type: "augment", label_set: set?.key ?? "", multiples: {}, multiple: 1, mode: "sequence", keep_originals: true, ops };
}

function balancing(id, set, operations) {
  const largest = Math.max(...set.classes.map(([, images]) => images));
  const multiples = set.classes.filter(([, images]) => images > 0 && images < largest).map(([name, images]) => [name, Math.min(TENFOLD, MOST_MULTIPLE, Math.round((largest / images) * 100) / 100)]);
  return { ...process(id, set, [GENTLY.flop, GENTLY.rotate, { op: "brightness" }], operations), multiples: Object.fromEntries(multiples) };
}

function doubled(set, operations, unlabelled) {
  const [input, filter, augment, output] = ["input", "filter", "augment", "output"].map((type) => t(TYPES[type]));
  const present = set.classes.filter(([, images]) => images > 0);
  const [rarest] = present.reduce((one, other) => (other[1] < one[1] ? other : one));
  const rest = t("{name}: the rest", { name: filter });
  return {
    version: 1,
    nodes: [
      { id: input, type: "input" },
      { id: filter, type: "filter", label_set: set.key, classes: [rarest], unlabelled: false },
      { ...process(augment, set, [GENTLY.flop, GENTLY.rotate], operations), multiple: 2 },
      { id: rest, type: "filter", label_set: set.key, classes: set.classes.map(([name]) => name).filter((name) => name !== rarest), unlabelled: unlabelled > 0 },
      { id: output, type: "output" },
    ],
    edges: [[input, filter], [filter, augment], [augment, output], [input, rest], [rest, output]],
  };
}
