"""A small convolutional network: stages of convolution, normalisation and pooling until the picture is tiny."""

import mxnet as mx


def stage(data, channels, name):
    """Halve the edge of ``data`` (batch × channels × edge × edge); pooled first, the rest costs a quarter."""
    data = mx.sym.Convolution(data, kernel=(3, 3), pad=(1, 1), num_filter=channels, no_bias=True, name=f"{name}_conv")
    data = mx.sym.Pooling(data, kernel=(2, 2), stride=(2, 2), pool_type="max", name=f"{name}_pool")
    data = mx.sym.BatchNorm(data, fix_gamma=False, name=f"{name}_norm")
    return mx.sym.Activation(data, act_type="relu", name=f"{name}_relu")


def build(classes, edge, channels, dropout):
    """The symbol with a softmax over ``classes``; ``channels`` of the first stage double with each further one."""
    data = mx.sym.Variable("data")
    number = 0
    while edge > 3:
        data = stage(data, min(channels * 2**number, 256), f"stage{number}")
        edge, number = edge // 2, number + 1
    data = mx.sym.Flatten(data)
    data = mx.sym.FullyConnected(data, num_hidden=128, name="hidden")
    data = mx.sym.Activation(data, act_type="relu", name="hidden_relu")
    data = mx.sym.Dropout(data, p=dropout, name="dropout")
    data = mx.sym.FullyConnected(data, num_hidden=classes, name="scores")
    return mx.sym.SoftmaxOutput(data, name="softmax")
