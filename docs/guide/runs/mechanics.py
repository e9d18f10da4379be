"""Lessons 16 and 17: gradients, steps and traces."""

from utils import plots

import keras
import numpy as np
import tensorflow as tf

from docs.guide.runs import SCCE, batch, batches, model, train
from docs.guide.trial import case, figure


def taped(net, loss_fn=None, size: int = 64):
    """Return labels, scores, loss and gradients of one batch."""
    x, y = batch(size)
    with tf.GradientTape() as tape:
        scores = net(x, training=True)
        loss = (loss_fn or SCCE(from_logits=True))(y, scores)
    return y, scores, loss, tape.gradient(loss, net.trainable_variables)


def cut_network(cut: bool):
    """Return a network whose hidden layer gets no gradient, or the same without the cut."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((64,))
    hidden = keras.layers.Dense(32, "relu", name="hidden")(inputs)
    if cut:
        hidden = keras.layers.Lambda(tf.stop_gradient)(hidden)
    return keras.Model(inputs, keras.layers.Dense(10, name="scores")(hidden))


@case("gradients-none")
def a_path_cut_off(broken):
    net = cut_network(broken)
    return {"gradients": taped(net)[3], "model": net}


@case("gradients-none")
def a_list_older_than_the_layer(broken):
    net = model()
    variables = net.trainable_variables[:2] if broken else net.trainable_variables
    x, y = batch()
    with tf.GradientTape() as tape:
        loss = SCCE(from_logits=True)(y, net(x))
    return {"gradients": tape.gradient(loss, variables), "model": net}


@figure("gradients-none")
def how_far_each_layer_moves():
    moved = {}
    for name, cut in (("broken, path cut", True), ("fixed", False)):
        net = cut_network(cut)
        before = net.get_weights()
        x, y = batch(1347)
        net.compile(keras.optimizers.Adam(0.01), SCCE(from_logits=True))
        net.fit(x, y, epochs=3, verbose=0)
        moved[name] = [
            float(np.linalg.norm(a - b))
            for a, b in zip(net.get_weights()[::2], before[::2], strict=True)
        ]
    figure, ax = plots.axes()
    plots.bars(
        ax, moved, ["hidden layer", "last layer"], ylabel="distance moved by the kernel",
        title="Three epochs",
    )  # fmt: skip
    return figure, "Hidden and last layer. " + "; ".join(
        f"{name}: {a:.1f} and {b:.1f}" for name, (a, b) in moved.items()
    ) + "."


@case("vector-loss")
def a_loss_per_example(broken):
    loss_fn = SCCE(from_logits=True, reduction="none" if broken else "sum_over_batch_size")
    return {"loss": taped(model(), loss_fn)[2]}


@case("summed-loss")
def reduction_sum(broken):
    y, scores, *_ = taped(model())
    loss_fn = SCCE(from_logits=True, reduction="sum" if broken else "sum_over_batch_size")
    return {"loss_fn": loss_fn, "y_batch": y, "y_pred": scores}


@case("missing-regularisation")
def model_losses_left_out(broken):
    net = model(10, kernel_regularizer=keras.regularizers.L2(0.1))
    y, scores, loss, _ = taped(net)
    total = loss if broken else loss + tf.add_n(net.losses)
    return {
        "model": net, "loss_fn": SCCE(from_logits=True), "y_batch": y, "y_pred": scores,
        "loss": total,
    }  # fmt: skip


@case("missing-regularisation")
def a_penalty_on_activities(broken):
    """The healthy twin has no penalty, and adds none."""
    penalty = keras.regularizers.L2(0.01) if broken else None
    net = model(10, activity_regularizer=penalty)
    y, scores, loss, _ = taped(net)
    return {
        "model": net, "loss_fn": SCCE(from_logits=True), "y_batch": y, "y_pred": scores,
        "loss": loss,
    }  # fmt: skip


@figure("missing-regularisation")
def norm_of_the_kernel():
    norms = {}
    for name, added in (("broken, left out", False), ("fixed, added", True)):
        net = model(10, kernel_regularizer=keras.regularizers.L2(0.1))

        def total(y, scores, net=net, added=added):
            loss = SCCE(from_logits=True)(y, scores)
            return loss + tf.add_n(net.losses) if added else loss

        values = []

        def each(*_, net=net, values=values):
            values.append(float(tf.norm(net.layers[-1].kernel)))

        train(net, total, epochs=4, each=each)
        norms[name] = values
    figure, ax = plots.axes()
    plots.curves(
        ax, norms, xlabel="step", ylabel="norm of the last kernel", title="A penalty of 0.1 · ‖w‖²"
    )
    ax.set_ylim(0, None)
    return figure, plots.read_curves(norms)


@case("mispaired-gradients")
def applied_to_another_order(broken):
    keras.utils.set_random_seed(0)
    net = keras.Sequential(
        [
            keras.Input((64,)),
            *(keras.layers.Dense(64, "relu") for _ in range(3)),
            keras.layers.Dense(10),
        ]
    )
    y, _, _, gradients = taped(net)
    kernels = [g for g in gradients if g.shape == (64, 64)][::-1]
    biases = [g for g in gradients if g.shape == (64,)][::-1]
    mixed = [g for pair in zip(kernels, biases, strict=True) for g in pair] + gradients[-2:]
    return {
        "gradients": mixed if broken else gradients,
        "variables": net.trainable_variables,
        "model": net,
        "loss_fn": SCCE(from_logits=True),
        "x_batch": batch()[0],
        "y_batch": y,
    }


@case("mispaired-gradients")
def applied_to_another_model(broken):
    net, other = model(), model()
    y, _, _, gradients = taped(net)
    return {
        "gradients": gradients,
        "variables": (other if broken else net).trainable_variables,
        "model": net,
        "loss_fn": SCCE(from_logits=True),
        "x_batch": batch()[0],
        "y_batch": y,
    }


@case("positional-reduction")
def none_as_the_first_argument(broken):
    x, y = batch()
    loss_fn = SCCE("none") if broken else SCCE(reduction="none")
    return {"loss_fn": loss_fn, "y_batch": y, "y_pred": model(10, tf.nn.softmax)(x)}


@figure("positional-reduction")
def none_taken_for_true():
    losses = {
        name: eager_losses(model(10, tf.nn.softmax), loss_fn)
        for name, loss_fn in (
            ('broken, SCCE("none")', SCCE("none")),
            ('fixed, reduction="none"', SCCE(reduction="none")),
        )
    }
    figure, ax = plots.axes()
    plots.curves(
        ax, losses, references={"floor": float(np.log(np.e + 9) - 1)}, title="A model of softmax"
    )
    ax.set_ylim(0, None)
    return figure, plots.read_curves(losses)


def eager_losses(net, loss_fn, epochs: int = 8):
    """Train without tf.function, where Keras cannot see through `tf.nn.softmax`."""
    optimizer, history = keras.optimizers.Adam(0.01), []
    for _ in range(epochs):
        losses = []
        for x, y in batches(128):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(loss_fn(y, net(x, training=True)))
            gradients = tape.gradient(loss, net.trainable_variables)
            optimizer.apply_gradients(zip(gradients, net.trainable_variables, strict=True))
            losses.append(float(loss))
        history.append(float(np.mean(losses)))
    return history


@case("python-side-effects")
def a_list_that_the_trace_fills(broken):
    history = []

    @tf.function
    def compiled(x, y):
        if broken:
            history.append(tf.reduce_mean(x))
        return tf.reduce_mean(x)

    def step(x, y):
        value = compiled(x, y)
        if not broken:
            history.append(float(value))

    x, y = batch()
    return {"read": lambda: len(history), "step": step, "x_batch": x, "y_batch": y}


def traced(as_number: bool, steps: int = 11):
    """Return a compiled step, and how often it was traced after each call."""

    @tf.function
    def step(x, y, epoch):
        return tf.reduce_mean(x) * tf.cast(epoch, tf.float32)

    counts = []
    for k, (x, y) in zip(range(steps), batches(128), strict=True):
        step(tf.constant(x), tf.constant(y), k if as_number else tf.constant(k))
        counts.append(step.experimental_get_tracing_count())
    return step, counts


@case("retracing")
def a_python_number_as_argument(broken):
    return {"step": traced(as_number=broken)[0]}


@figure("retracing")
def traces_by_step():
    counts = {
        "broken, Python number": traced(as_number=True)[1],
        "fixed, tensor": traced(as_number=False)[1],
    }
    figure, ax = plots.axes()
    plots.curves(
        ax, counts, xlabel="step", ylabel="traces so far", title="The step number as argument"
    )
    ax.set_ylim(0, None)
    return figure, "Traces, first and last step. " + "; ".join(
        f"{name}: {c[0]} → {c[-1]}" for name, c in counts.items()
    ) + "."


def adam(anew: bool, epochs: int = 3):
    """Train with Adam, made once or in every step; return the losses, the last optimizer, steps."""
    net, loss_fn, losses = model(), SCCE(from_logits=True), []
    optimizer = keras.optimizers.Adam(0.03)
    for _ in range(epochs):
        for x, y in batches(128):
            with tf.GradientTape() as tape:
                loss = loss_fn(y, net(x, training=True))
            if anew:
                optimizer = keras.optimizers.Adam(0.03)
            gradients = tape.gradient(loss, net.trainable_variables)
            optimizer.apply_gradients(zip(gradients, net.trainable_variables, strict=True))
            losses.append(float(loss))
    return losses, optimizer


@case("optimizer-recreated")
def adam_in_the_step(broken):
    losses, optimizer = adam(broken, epochs=1)
    return {"optimizer": optimizer, "steps": len(losses)}


@figure("optimizer-recreated")
def losses_of_a_forgetful_adam():
    losses = {"broken, made anew": adam(True)[0], "fixed, made once": adam(False)[0]}
    figure, ax = plots.axes()
    plots.curves(ax, losses, xlabel="step", title="Adam, rate 0.03")
    ax.set_ylim(0, None)
    return figure, plots.read_curves(losses)
