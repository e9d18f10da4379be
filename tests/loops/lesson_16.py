"""Loops of lesson 16: its faults in other forms than in `mechanics`, and odd healthy loops."""

import keras
import tensorflow as tf

from . import batches, blobs, healthy, pair
from .outputs import SCCE, mlp

PLAIN = SCCE(from_logits=True)
EACH = SCCE(from_logits=True, reduction="none")


def towers(penalty=None):
    x = keras.Input((8,))
    left = keras.layers.Dense(6, "relu", kernel_regularizer=penalty, name="left")(x[:, :4])
    right = keras.layers.Dense(6, "relu", kernel_regularizer=penalty, name="right")(x[:, 4:])
    both = keras.layers.Concatenate()([left, right])
    return keras.Model(x, keras.layers.Dense(3, name="head")(both))


def run(model, loss_of, *, take=None, apply_to=None, wrap=lambda f: f, measure=lambda *a: None):
    """Train for one epoch; ``loss_of(model, x, y)`` stands in the tape."""
    x, y = blobs()
    optimizer = keras.optimizers.SGD(0.01)

    @wrap
    def step(xb, yb):
        with tf.GradientTape() as tape:
            loss = loss_of(model, xb, yb)
        variables = model.trainable_variables if take is None else take(model)
        gradients = tape.gradient(loss, variables)
        partners = variables if apply_to is None else apply_to(model)
        optimizer.apply_gradients(zip(gradients, partners))
        return loss

    for xb, yb in batches(x, y):
        measure(step(tf.constant(xb), tf.constant(yb)))


@pair("vector-loss")
def a_vector_that_only_the_metric_averages(broken):
    mean = keras.metrics.Mean()

    def loss_of(model, x, y):
        each = EACH(y, model(x, training=True))
        return each if broken else tf.reduce_mean(each)

    run(mlp(3), loss_of, measure=mean.update_state)


@pair("summed-loss")
def a_sum_by_hand(broken):
    def loss_of(model, x, y):
        each = keras.losses.sparse_categorical_crossentropy(
            y, model(x, training=True), from_logits=True
        )
        return tf.reduce_sum(each) if broken else tf.reduce_mean(each)

    run(mlp(3), loss_of, wrap=tf.function)


@pair("missing-regularisation")
def a_penalty_on_one_tower(broken):
    def loss_of(model, x, y):
        loss = PLAIN(y, model(x, training=True))
        return loss if broken else loss + sum(model.losses)

    run(towers(keras.regularizers.L2(0.01)), loss_of)


@pair("gradients-none")
def hidden_layer_through_numpy(broken):
    def loss_of(model, x, y):
        hidden = model.layers[0](x)
        return PLAIN(y, model.layers[1](hidden.numpy() if broken else hidden))

    run(mlp(3), loss_of)


@pair("gradients-none", raises=True)
def forward_before_the_tape(broken):
    x, y = blobs()
    model, optimizer = mlp(3), keras.optimizers.SGD(0.01)
    for xb, yb in batches(x, y):
        early = model(xb, training=True)
        with tf.GradientTape() as tape:
            loss = PLAIN(yb, early if broken else model(xb, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))


@pair("mispaired-gradients")
def towers_in_another_order(broken):
    def order(*names):
        return lambda m: [v for n in names for v in m.get_layer(n).trainable_variables]

    run(
        towers(),
        lambda m, x, y: PLAIN(y, m(x, training=True)),
        take=order("left", "right", "head"),
        apply_to=order("right", "left", "head") if broken else order("left", "right", "head"),
        wrap=tf.function,
    )


@pair("positional-reduction", also=("double-softmax",))
def none_by_position(broken):
    loss_fn = SCCE("none") if broken else SCCE(reduction="none")

    def loss_of(model, x, y):
        return tf.reduce_mean(loss_fn(y, tf.nn.softmax(model(x, training=True))))

    run(mlp(3), loss_of)


@healthy
def a_sum_divided_by_the_batch():
    def loss_of(model, x, y):
        each = EACH(y, model(x, training=True))
        return tf.reduce_sum(each) / tf.cast(tf.shape(each)[0], tf.float32)

    run(mlp(3), loss_of, wrap=tf.function)


@healthy
def only_the_head_is_trained():
    model = towers()
    model.get_layer("left").trainable = model.get_layer("right").trainable = False
    run(model, lambda m, x, y: PLAIN(y, m(x, training=True)), wrap=tf.function)


@healthy
def gradients_of_two_batches_added_up():
    x, y = blobs()
    model, optimizer = mlp(3), keras.optimizers.SGD(0.05)
    kept = None
    for k, (xb, yb) in enumerate(batches(x, y)):
        with tf.GradientTape() as tape:
            loss = PLAIN(yb, model(xb, training=True)) / 2
        gradients = tape.gradient(loss, model.trainable_variables)
        if k % 2 == 0:
            kept = gradients
        else:
            total = [a + b for a, b in zip(kept, gradients, strict=True)]
            optimizer.apply_gradients(zip(total, model.trainable_variables))
