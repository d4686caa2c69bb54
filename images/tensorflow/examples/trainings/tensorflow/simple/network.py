"""A small convolutional network: stages of convolution, normalisation and pooling until the picture is tiny."""

import keras
from keras import layers


def build(classes: int, edge: int, channels: int, dropout: float) -> keras.Sequential:
    """Scores of ``classes`` for pictures (n, edge, edge, 3); ``channels`` of the first stage double with each further one."""
    stages = [layers.Input((edge, edge, 3))]
    while edge > 3:
        stages += [
            layers.Conv2D(min(channels, 256), 3, padding="same", use_bias=False),
            layers.MaxPooling2D(),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
        ]
        edge, channels = edge // 2, channels * 2
    stages += [layers.Flatten(), layers.Dense(128, activation="relu"), layers.Dropout(dropout), layers.Dense(classes)]
    return keras.Sequential(stages)
