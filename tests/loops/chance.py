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
