"""Lessons 03 to 07: what the model returns."""

from utils import plots

import keras
import numpy as np
import tensorflow as tf

from docs.guide.runs import SCCE, M, accuracy_figure, batch, digits, model, train
from docs.guide.trial import case, figure


@case("double-softmax")
def softmax_in_model_and_loss(broken):
    activation = tf.nn.softmax if broken else None
    return {
        "model": model(10, activation),
        "x_batch": batch()[0],
        "loss_fn": SCCE(from_logits=True),
    }


@case("double-softmax")
def a_layer_of_softmax(broken):
    """The healthy twin keeps its softmax and tells the loss so."""
    net = keras.Sequential([model(), keras.layers.Softmax()])
    return {"model": net, "x_batch": batch()[0], "loss_fn": SCCE(from_logits=broken)}


@case("logits-as-probabilities")
def linear_layer_and_default_loss(broken):
    return {"model": model(), "x_batch": batch()[0], "loss_fn": SCCE(from_logits=not broken)}


@case("logits-as-probabilities")
def the_activation_forgotten(broken):
    """The healthy twin returns probabilities, as the loss wants them."""
    net = model(10, None if broken else "softmax")
    return {"model": net, "x_batch": batch()[0], "loss_fn": SCCE()}


@case("wrong-output-activation")
def relu_at_the_end(broken):
    return {"model": model(10, "relu" if broken else None)}


@case("wrong-output-activation")
def sigmoid_at_the_end(broken):
    return {"model": model(10, tf.nn.sigmoid if broken else tf.nn.softmax)}


@case("output-units")
def one_unit_for_ten_classes(broken):
    return {"model": model(1 if broken else 10), "x_batch": batch()[0], "num_classes": 10}


@figure("output-units")
def softmax_over_one_unit():
    d = digits()
    two = d.y_train < 2
    x, y = d.x_train[two], d.y_train[two].astype("float32")[:, None]
    values = {}
    for name, activation in (("broken, softmax", "softmax"), ("fixed, sigmoid", "sigmoid")):
        net = model(1, activation)
        net.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["binary_accuracy"])
        history = net.fit(x, y, epochs=6, verbose=0, shuffle=False).history
        values[name] = history["binary_accuracy"]
    return accuracy_figure(
        values, "Zeros against ones, one output unit", {"share of class 1": float(y.mean())}
    )


@case("unstable-softmax")
def cross_entropy_by_hand(broken):
    def by_hand(y, scores):
        p = tf.exp(scores) / tf.reduce_sum(tf.exp(scores), axis=-1, keepdims=True)
        return -tf.reduce_mean(tf.math.log(tf.gather(p, y, axis=1, batch_dims=1)))

    return {"loss_fn": by_hand if broken else SCCE(from_logits=True)}


@case("unstable-softmax")
def clipped_probabilities(broken):
    def clipped(y, scores):
        return keras.losses.sparse_categorical_crossentropy(y, tf.nn.softmax(scores))[0]

    def raw(y, scores):
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=scores)
        return tf.reduce_mean(losses)

    return {"loss_fn": clipped if broken else raw}


@case("nan-scores")
def weights_of_nan(broken):
    net = model()
    if broken:
        net.layers[-1].bias.assign([np.nan] + [0.0] * 9)
    return {"model": net, "x_batch": batch()[0]}


@case("half-precision-softmax")
def softmax_in_half_precision(broken):
    dtype = "mixed_float16" if broken else "float32"
    net = model(10, "softmax", dtype=dtype)
    net.add(keras.layers.Activation("linear", dtype="float32"))  # hides the dtype, not the fault
    return {"model": net, "x_batch": batch()[0]}


@figure("half-precision-softmax")
def gradients_of_small_probabilities():
    gaps = np.linspace(0, 20, 41)
    values = {}
    for name, dtype in (("fixed, float32", tf.float32), ("broken, float16", tf.float16)):
        z = tf.Variable(np.stack([np.zeros_like(gaps), gaps], axis=-1), dtype=dtype)
        with tf.GradientTape() as tape:
            p = tf.nn.softmax(z)
            losses = SCCE(reduction="none")(np.zeros(len(gaps), int), tf.cast(p, tf.float32))
        values[name] = np.abs(tape.gradient(losses, z).numpy()[:, 0].astype(float))
    figure, ax = plots.axes()
    plots.functions(
        ax, gaps, values, xlabel="how far the true class lies below",
        ylabel="size of the gradient", title="A mistake that is no longer felt",
    )  # fmt: skip
    full, half = values["fixed, float32"], values["broken, float16"]
    first = gaps[np.flatnonzero(~(np.abs(full - half) < 0.1))[0]]
    end = gaps[np.flatnonzero(full < 0.1)[0]]
    return figure, (
        f"In float32 the gradient rises to {full.max():.2f} and ends at a gap of {end:.1f}, where "
        f"Keras clips; in float16 it is {half[gaps == first][0]:.2f} from a gap of {first:.1f} on, "
        f"and {half[-1]:.2f} in the end."
    )


@case("saturated-ties")
def sigmoid_before_the_metric(broken):
    net = model()
    train(net, epochs=2)
    scores = 20 * net(digits().x_test)
    return {"y_pred": tf.sigmoid(scores) if broken else scores}


@case("low-precision-ids")
def ids_in_bfloat16(broken):
    y = np.arange(1000)
    scores = tf.one_hot((y + 1) % 1000, 1000)  # always the neighbour: never right
    return {
        "metric": M.SparseCategoricalAccuracy(),
        "y_batch": y,
        "y_pred": tf.cast(scores, tf.bfloat16 if broken else tf.float32),
    }
