"""Loops of lesson 19: the scale of losses and penalties under two replicas.

They need two logical devices and one MirroredStrategy, both of which a process
can have only once and from its start. So they are not in the registry of loops
that share a process: `tests/checks/test_watch_replicas.py` runs this module as a
program, and reads what `watch` says of each loop.
"""

from utils import checks, data

import json
from functools import cache

import keras
import tensorflow as tf

from . import Loop
from .outputs import SCCE

GLOBAL_BATCH = 64


@cache
def two_replicas():
    """Return the strategy of this process, over two logical CPU devices."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


def train(loss_of, *, reduce=tf.distribute.ReduceOp.SUM, penalty_of=None):
    """Run four compiled steps on two replicas."""
    strategy = two_replicas()
    digits = data.digits()
    with strategy.scope():
        regularizer = keras.regularizers.L2(0.05) if penalty_of else None
        model = keras.Sequential(
            [keras.Input((64,)), keras.layers.Dense(10, kernel_regularizer=regularizer)]
        )
        optimizer = keras.optimizers.SGD(0.1)
        optimizer.build(model.trainable_variables)
    batches = tf.data.Dataset.from_tensor_slices((digits.x_train[:256], digits.y_train[:256]))
    batches = strategy.experimental_distribute_dataset(batches.batch(GLOBAL_BATCH))

    def replica_step(x, y):
        with tf.GradientTape() as tape:
            loss = loss_of(y, model(x, training=True))
            if penalty_of:
                loss += penalty_of(tf.add_n(model.losses))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        return loss

    @tf.function
    def step(x, y):
        return strategy.reduce(reduce, strategy.run(replica_step, args=(x, y)), axis=None)

    for x, y in batches:
        step(x, y)


def per_example(y, p):
    return SCCE(from_logits=True, reduction="none")(y, p)


def mean_of_share(y, p):
    return tf.reduce_mean(per_example(y, p))


def average(y, p):
    return tf.nn.compute_average_loss(per_example(y, p), global_batch_size=GLOBAL_BATCH)


def mean_of_each_share(broken):
    train(mean_of_share if broken else average)


def mean_of_each_share_behind_an_honest_log(broken):
    op = tf.distribute.ReduceOp
    train(mean_of_share if broken else average, reduce=op.MEAN if broken else op.SUM)


def divided_by_keras_and_by_hand(broken):
    loss_fn = SCCE(from_logits=True)
    divisor = two_replicas().num_replicas_in_sync if broken else 1
    train(lambda y, p: loss_fn(y, p) / divisor)


def whole_penalty_in_each_replica(broken):
    scale = tf.nn.scale_regularization_loss
    train(average, penalty_of=(lambda penalty: penalty) if broken else scale)


LOOPS = (
    Loop("replica-loss-scale", mean_of_each_share),
    Loop("replica-loss-scale", mean_of_each_share_behind_an_honest_log),
    Loop("replica-loss-scale", divided_by_keras_and_by_hand),
    Loop("replica-regularisation", whole_penalty_in_each_replica),
)


def main():
    """Print, as JSON, what `watch` says of each loop, broken and fixed."""
    tf.get_logger().setLevel("ERROR")
    told = {}
    for loop in LOOPS:
        for broken in (True, False):
            keras.utils.set_random_seed(0)
            with checks.watch() as report:
                loop.run(broken)
            alarms = {finding.pitfall: finding.severity for finding in report.alarms}
            told[f"{loop.id}:{'broken' if broken else 'fixed'}"] = [report.ok, alarms, str(report)]
    print("\n" + json.dumps(told))


if __name__ == "__main__":
    main()
