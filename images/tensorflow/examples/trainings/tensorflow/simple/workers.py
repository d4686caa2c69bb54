"""One network on several workers: the loop that Keras's ``fit`` is for one.

Keras 3's ``fit`` fails under a MultiWorkerMirroredStrategy (keras 3.15: it reduces what each worker has already).
"""

import keras
import tensorflow as tf


class Loop:
    """Trains a compiled ``model`` that was built in the scope of ``strategy``; ``at_once`` pictures a step of all workers."""

    def __init__(self, strategy: tf.distribute.Strategy, model: keras.Model, at_once: int) -> None:
        self.strategy, self.model, self.at_once = strategy, model, at_once
        self.loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction=None)

    def fit(self, data: tf.data.Dataset, validation: tf.data.Dataset | None, steps: int, epochs: range, report) -> None:
        """Every epoch of ``epochs``, told to the callback ``report`` as ``fit`` tells it."""
        report.set_model(self.model)
        report.set_params({"epochs": epochs.stop, "steps": steps})
        parted = self.strategy.experimental_distribute_dataset(data)
        held_back = self.strategy.experimental_distribute_dataset(validation) if validation is not None else ()
        report.on_train_begin()
        for epoch in epochs:
            report.on_epoch_begin(epoch)
            sums = tf.zeros(3)
            for number, batch in enumerate(parted):
                sums += self.step(*batch)
                report.on_train_batch_end(number, means(sums))
            told, sums = means(sums), tf.zeros(3)
            for batch in held_back:
                sums += self.look(*batch)
            report.on_epoch_end(epoch, told | {f"val_{name}": value for name, value in means(sums).items()})
        report.on_train_end()

    @tf.function
    def step(self, pictures, labels):
        """One step of all workers: the sums of losses, of right answers, and of pictures."""
        return self.strategy.reduce("SUM", self.strategy.run(self.learn, args=(pictures, labels)), axis=None)

    @tf.function
    def look(self, pictures, labels):
        """The same sums of what is only looked at."""
        return self.strategy.reduce("SUM", self.strategy.run(self.judge, args=(pictures, labels)), axis=None)

    def learn(self, pictures, labels):
        """This worker's part of a step; the optimizer adds up the gradients of all."""
        with tf.GradientTape() as tape:
            scores = self.model(pictures, training=True)
            losses = self.loss_of(labels, scores)
            loss = tf.reduce_sum(losses) / self.at_once
        weights = self.model.trainable_variables
        self.model.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return counted(losses, scores, labels)

    def judge(self, pictures, labels):
        """This worker's part of the validation."""
        scores = self.model(pictures, training=False)
        return counted(self.loss_of(labels, scores), scores, labels)


def counted(losses, scores, labels):
    """Sums of losses, right answers and pictures."""
    right = tf.cast(tf.argmax(scores, 1) == tf.cast(labels, tf.int64), tf.float32)
    return tf.stack([tf.reduce_sum(losses), tf.reduce_sum(right), tf.cast(tf.size(labels), tf.float32)])


def means(sums) -> dict[str, float]:
    """What ``fit`` would show."""
    loss, right, count = sums.numpy().tolist()
    return {"loss": loss / count, "accuracy": right / count} if count else {}
