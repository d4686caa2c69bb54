"""The formatted sets at ``/workspace/mnt/data/{train,val}`` as ``tf.data``: TFRecord by TensorFlow itself, others by number."""

import math
from pathlib import Path

import tensorflow as tf
from trainyard.formats.loading import FormattedDataset, format_of
from trainyard.training import replicas

LARGEST_EDGE = 224
WAITING = 4000
_FEATURES = {
    "image/encoded": tf.io.FixedLenFeature([], tf.string),
    "image/class/label": tf.io.FixedLenFeature([], tf.int64),
}


def exists(folder: Path) -> bool:
    """Whether a set is mounted at ``folder``."""
    return (folder / "labels.csv").is_file()


def edge_of(folder: Path, wanted: int | str) -> int:
    """``wanted``, or for "auto" the shorter edge of the first picture, at most 224."""
    return min(*FormattedDataset(folder)[0][0].shape[1:], LARGEST_EDGE) if wanted == "auto" else int(wanted)


def batches(folder: Path, edge: int, params: dict, at_once: int, *, training: bool) -> tf.data.Dataset:
    """Batches of pictures (n, edge, edge, 3), RGB from -1 to 1, and their classes (n); each worker takes its part of them."""
    data = recorded(folder, edge) if format_of(folder) == "tfrecord" else numbered(folder, edge)
    if training:
        data = data.shuffle(WAITING, seed=params["seed"]).map(lambda *one: varied(*one, params["picture"]))
    parted = tf.data.Options()
    parted.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    # a worker without a picture in the last batch would have nothing to normalise
    whole = training and replicas.workers() > 1
    return data.batch(at_once, drop_remainder=whole).prefetch(2).with_options(parted)


def steps(samples: int, at_once: int) -> int:
    """How many batches an epoch has."""
    return max(1, samples // at_once) if replicas.workers() > 1 else math.ceil(samples / at_once)


def recorded(folder: Path, edge: int) -> tf.data.Dataset:
    """TFRecord, one picture after the other."""

    def read(example):
        found = tf.io.parse_single_example(example, _FEATURES)
        picture = tf.io.decode_image(found["image/encoded"], 3, expand_animations=False)
        picture.set_shape((None, None, 3))
        return scaled(picture, edge), found["image/class/label"]

    shards = sorted(str(path) for path in folder.glob("*.tfrecord"))
    return tf.data.TFRecordDataset(shards).map(read, num_parallel_calls=tf.data.AUTOTUNE)


def numbered(folder: Path, edge: int) -> tf.data.Dataset:
    """Any other format."""
    data = FormattedDataset(folder, size=(edge, edge))

    def samples():
        for picture, label in map(data.__getitem__, range(len(data))):
            yield picture.transpose(1, 2, 0) * 2 - 1, label

    shapes = (tf.TensorSpec((edge, edge, 3)), tf.TensorSpec((), tf.int64))
    counted = tf.data.experimental.assert_cardinality(len(data))
    return tf.data.Dataset.from_generator(samples, output_signature=shapes).apply(counted)


def scaled(picture, edge: int):
    """A picture of bytes as a square from -1 to 1."""
    return tf.ensure_shape(tf.image.resize(picture, (edge, edge)), (edge, edge, 3)) / 127.5 - 1


def varied(picture, label, params: dict):
    """A picture moved by some pixels, and maybe mirrored."""
    most = params["shift"]
    padded = tf.pad(picture, [[most, most], [most, most], [0, 0]], constant_values=-1.0)
    moved = tf.image.random_crop(padded, tf.shape(picture))
    return (tf.image.random_flip_left_right(moved) if params["mirror"] else moved), label
