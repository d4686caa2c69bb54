// The formats a dataset can be written in: their names, for whom they are, and which labels each can hold.
import { N_, t } from "../words.js";

export const FORMATS = { recordio: "RecordIO", lmdb: "LMDB", roidb: "roidb", pictures: N_("Pictures"), webdataset: "WebDataset", tfrecord: "TFRecord" };
export const formatName = (format) => t(FORMATS[format] ?? format);
export const PARTS = { train: N_("training"), val: N_("validation"), test: N_("test") };
export const READERS = {
  recordio: N_("for MXNet: .rec, .idx and .lst"),
  lmdb: N_("for Caffe, and for PyTorch by our loader"),
  roidb: N_("boxes for detection, as numpy and JSON"),
  pictures: N_("a folder of pictures and labels.csv"),
  webdataset: N_("for PyTorch: shards of tar"),
  tfrecord: N_("for TensorFlow: tf.train.Example"),
};
export const PART_ORDER = ["train", "val", "test"];

export function sizeWords(resize) {
  if (!resize) return t("original size");
  return resize.includes("x") ? t("exactly {size} pixels", { size: resize.replace("x", " × ") }) : t("shorter edge {size} pixels", { size: resize });
}

// About how many bytes one picture takes in a format, or null when nothing says how large the pictures are.
// ``known``: {bytes, width, height} of an average picture, as the examination found it.
export function bytesOfPicture(form, format, known) {
  const [width, height] = pixelsOf(form, known);
  if (format === "lmdb" && form.lmdb_values === "raw") return width ? width * height * (form.colour === "grey" ? 1 : 3) : null;
  const changed = form.resizing !== "none" || form.colour !== "keep";
  if (!changed) return known?.bytes ?? null;
  return width ? width * height * perPixel(form.quality) * (form.colour === "grey" ? 0.8 : 1) : null;
}

// Whether that follows from a rule of thumb for photographs instead of from these pictures.
export const isGuessed = (form, format) => (form.resizing !== "none" || form.colour !== "keep") && !(format === "lmdb" && form.lmdb_values === "raw");

function pixelsOf(form, known) {
  const shape = known?.width ? known.width / known.height : 4 / 3;
  if (form.resizing === "exact") return [Number(form.width) || 0, Number(form.height) || 0];
  if (form.resizing === "edge") {
    const edge = Number(form.edge) || 0;
    return shape > 1 ? [edge * shape, edge] : [edge, edge / shape];
  }
  return known?.width ? [known.width, known.height] : [0, 0];
}

// [quality, bytes per pixel] as OpenCV writes JPEG (4:2:0), the mean of seven photographs that come with scikit-image, scikit-learn
// and Matplotlib, brought to a shorter edge of 256. One of them may take 0.6 to 1.3 times as much; drawings, scans and noise differ more.
const PER_PIXEL = [[50, 0.11], [60, 0.13], [70, 0.15], [80, 0.19], [90, 0.28], [95, 0.41], [100, 0.82]];

function perPixel(quality) {
  const next = Math.max(1, PER_PIXEL.findIndex(([at]) => at >= quality));
  const [[low, less], [high, more]] = PER_PIXEL.slice(next - 1, next + 1);
  return less + ((more - less) * (quality - low)) / (high - low);
}
