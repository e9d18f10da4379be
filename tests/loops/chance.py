"""Healthy loops whose labels are by lot, or nearly so: no fault of theirs."""

import keras
import numpy as np
import tensorflow as tf

from . import healthy


@healthy
def advantages_as_sample_weights():
    """A policy gradient: labels are actions drawn by lot, weights are advantages of either sign."""
    rng = np.random.default_rng(0)
    hidden = keras.layers.Dense(16, activation="tanh")
    policy = keras.Sequential([keras.Input((2,)), hidden, keras.layers.Dense(2)])
    optimizer = keras.optimizers.Adam(0.003)
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    for _ in range(30):
        states, actions, rewards = [], [], []
        state = np.zeros(2, "float32")
        for _ in range(20):
            right = tf.nn.softmax(policy(state[None]))[0, 1].numpy()
            action = int(rng.random() < right)
            states.append(state)
            actions.append(action)
            speed = state[1] + (0.2 if action else -0.2) + 0.05 * rng.normal()
            state = np.array([state[0] + 0.1 * speed, speed], "float32")
            rewards.append(1 - abs(float(state[0])))
        returns = np.cumsum(rewards[::-1])[::-1]
        advantages = ((returns - returns.mean()) / returns.std()).astype("float32")
        with tf.GradientTape() as tape:
            logits = policy(np.array(states), training=True)
            loss = loss_fn(np.array(actions), logits, sample_weight=advantages)
        gradients = tape.gradient(loss, policy.trainable_variables)
        optimizer.apply_gradients(zip(gradients, policy.trainable_variables, strict=True))


@healthy
def the_next_step_of_a_random_walk():
    """A hard problem: windows of prices are much alike, and say nothing of the next step."""
    rng = np.random.default_rng(0)
    prices = np.cumsum(rng.normal(size=1021)).astype("float32")
    x = np.stack([prices[i : i + 20] - prices[i + 19] for i in range(1000)])
    y = (prices[20:1020] > prices[19:1019]).astype("int64")
    hidden = keras.layers.Dense(32, activation="relu")
    model = keras.Sequential([keras.Input((20,)), hidden, keras.layers.Dense(2)])
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss_fn, metrics=["accuracy"])
    model.fit(x[:700], y[:700], validation_data=(x[700:], y[700:]), epochs=5, verbose=0)


def binary(x, y, held_out, epochs, batch):
    """Train a small classifier of two classes, and look at held-out data after every epoch."""
    inputs = keras.Input(x.shape[1:])
    hidden = keras.layers.Dense(32, activation="relu")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1)(hidden))
    optimizer = keras.optimizers.Adam(0.01)
    loss_fn = keras.losses.BinaryCrossentropy(from_logits=True)
    accuracy, held = (keras.metrics.BinaryAccuracy(threshold=0.0) for _ in range(2))
    for _ in range(epochs):
        accuracy.reset_state()
        held.reset_state()
        for start in range(0, len(x), batch):
            labels = y[start : start + batch, None]
            with tf.GradientTape() as tape:
                logits = model(x[start : start + batch], training=True)
                loss = loss_fn(labels, logits)
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
            accuracy.update_state(labels, logits)
        for part, labels in held_out:
            held.update_state(labels[:, None], model(part, training=False))


def groups(n, rng):
    """Return points in two groups of two each, and which group they belong to."""
    group = rng.integers(0, 4, n)
    centres = np.array([[-2, -2], [-2, 2], [2, 2], [2, -2]], "float32")
    points = centres[group] + 0.7 * rng.normal(size=(n, 2))
    return points.astype("float32"), (group % 2).astype("float32")


@healthy
def four_labels_in_ten_are_wrong():
    """Labels by an uncertain hand: they belong to their inputs, and hardly show it."""
    rng = np.random.default_rng(1)
    x, y = groups(700, rng)
    y = np.where(rng.random(700) < 0.4, 1 - y, y)
    binary(x[:600], y[:600], [(x[600:], y[600:])], epochs=6, batch=50)


@healthy
def three_positives_in_a_hundred():
    """Held-out batches with hardly a positive among them: no accuracy can be told from chance."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(800, 6)).astype("float32")
    y = (x[:, 0] + x[:, 1] > 2.6).astype("float32")
    held_out = [(x[i : i + 40], y[i : i + 40]) for i in range(600, 800, 40)]
    binary(x[:600], y[:600], held_out, epochs=10, batch=40)


@healthy
def candidates_that_occur_twice():
    """Retrieval among the candidates of a batch: an item that is there twice has two columns."""
    rng = np.random.default_rng(0)
    users, items = rng.integers(0, 30, 640), rng.integers(0, 20, 640)
    items = np.where(rng.random(640) < 0.9, users % 20, items)
    user_tower, item_tower = keras.layers.Embedding(30, 8), keras.layers.Embedding(20, 8)
    optimizer = keras.optimizers.Adam(0.05)
    loss_fn = keras.losses.CategoricalCrossentropy(from_logits=True)
    for _ in range(4):
        for start in range(0, 640, 64):
            user, item = (ids[start : start + 64] for ids in (users, items))
            labels = tf.eye(64)
            twice = tf.cast(item[:, None] == item[None], tf.float32) - labels
            with tf.GradientTape() as tape:
                scores = tf.matmul(user_tower(user), item_tower(item), transpose_b=True)
                loss = loss_fn(labels, scores - 1e9 * twice)
            variables = [*user_tower.trainable_variables, *item_tower.trainable_variables]
            gradients = tape.gradient(loss, variables)
            optimizer.apply_gradients(zip(gradients, variables, strict=True))
