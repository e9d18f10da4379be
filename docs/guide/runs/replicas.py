"""Lesson 19: one step on one replica and on two, from equal weights and with an equal batch."""

from utils import plots

from functools import cache

import keras
import numpy as np
import tensorflow as tf

from docs.guide.runs import SCCE, batch
from docs.guide.trial import case, figure

GLOBAL_BATCH = 64


@cache
def strategy(replicas: int) -> tf.distribute.Strategy:
    """Return a strategy over one or two logical CPU devices."""
    return tf.distribute.MirroredStrategy([f"CPU:{k}" for k in range(replicas)])


@cache
def regularised(replicas: int) -> keras.Model:
    """Return a linear model with a penalty, the same for every number of replicas."""
    with strategy(replicas).scope():
        keras.utils.set_random_seed(0)
        penalty = keras.regularizers.L2(0.05)
        return keras.Sequential(
            [keras.Input((64,)), keras.layers.Dense(10, kernel_regularizer=penalty)]
        )


def summed(replicas: int, part):
    """Run `part(x, y)` on every replica with its share of one batch; return the sum."""
    x, y = batch(GLOBAL_BATCH)
    share = GLOBAL_BATCH // replicas

    def run(context):
        k = context.replica_id_in_sync_group * share
        return part(tf.constant(x[k : k + share]), tf.constant(y[k : k + share]))

    here = strategy(replicas)
    parts = here.run(lambda: run(tf.distribute.get_replica_context()))
    return here.reduce(tf.distribute.ReduceOp.SUM, parts, axis=None)


@case("replica-loss-scale")
def a_mean_on_each_replica(broken):
    per_example = SCCE(from_logits=True, reduction="none")

    def step_loss(replicas):
        net = regularised(replicas)

        def part(x, y):
            losses = per_example(y, net(x, training=True))
            if broken:
                return tf.reduce_mean(losses)
            return tf.nn.compute_average_loss(losses, global_batch_size=GLOBAL_BATCH)

        return summed(replicas, part)

    return {"step_loss": step_loss}


def gradient_of_the_penalty(replicas: int, scaled: bool):
    """Return the norm of the summed gradient of the penalty."""
    net = regularised(replicas)

    def part(x, y):
        with tf.GradientTape() as tape:
            net(x, training=True)
            penalty = tf.add_n(net.losses)
            if scaled:
                penalty = tf.nn.scale_regularization_loss(penalty)
        return tape.gradient(penalty, net.trainable_variables[0])

    return tf.norm(summed(replicas, part))


@case("replica-regularisation")
def the_whole_penalty_on_each_replica(broken):
    return {"penalty_gradient": lambda n: gradient_of_the_penalty(n, scaled=not broken)}


@figure("replica-regularisation")
def the_pull_of_the_penalty():
    values = {
        name: [float(gradient_of_the_penalty(n, scaled)) for n in (1, 2)]
        for name, scaled in (("broken, added as it is", False), ("fixed, scaled", True))
    }
    figure, ax = plots.axes()
    plots.bars(
        ax, values, ["one replica", "two replicas"], ylabel="norm of the penalty's gradient",
        title="Same weights, same batch",
    )  # fmt: skip
    ax.set_ylim(0, 1.35 * float(np.max(list(values.values()))))
    return figure, "On one replica and on two. " + "; ".join(
        f"{name}: {one:.3f} and {two:.3f}" for name, (one, two) in values.items()
    ) + "."
