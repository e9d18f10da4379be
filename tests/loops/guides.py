"""Healthy loops, after the official guides and beyond: `watch` must stay silent on all."""

import keras
import numpy as np
import tensorflow as tf

from . import batches, blobs, healthy
from .outputs import SCCE, mlp
from .run import Trainer, dataset

M, L = keras.metrics, keras.losses


@healthy
def keras_guide_from_scratch():
    x, y = blobs()
    train = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(256).batch(32)
    held = tf.data.Dataset.from_tensor_slices(blobs(100, seed=1)).batch(32)
    model, optimizer, loss_fn = mlp(3), keras.optimizers.SGD(1e-2), SCCE(from_logits=True)
    train_acc, val_acc = M.SparseCategoricalAccuracy(), M.SparseCategoricalAccuracy()

    @tf.function
    def train_step(x, y):
        with tf.GradientTape() as tape:
            logits = model(x, training=True)
            loss = loss_fn(y, logits)
        grads = tape.gradient(loss, model.trainable_weights)
        optimizer.apply(grads, model.trainable_weights)
        train_acc.update_state(y, logits)
        return loss

    @tf.function
    def test_step(x, y):
        val_acc.update_state(y, model(x, training=False))

    for _ in range(2):
        for step, (xb, yb) in enumerate(train):
            loss = train_step(xb, yb)
            if step % 4 == 0:
                float(loss)
        float(train_acc.result())
        train_acc.reset_state()
        for xb, yb in held:
            test_step(xb, yb)
        float(val_acc.result())
        val_acc.reset_state()


@healthy
def tensorflow_quickstart():
    loss_object = SCCE(from_logits=True)
    train_loss, train_accuracy = M.Mean(name="train_loss"), M.SparseCategoricalAccuracy("acc")
    test_loss, test_accuracy = M.Mean(name="test_loss"), M.SparseCategoricalAccuracy("test")
    model, optimizer = mlp(3), keras.optimizers.Adam()

    @tf.function
    def train_step(x, y):
        with tf.GradientTape() as tape:
            predictions = model(x, training=True)
            loss = loss_object(y, predictions)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        train_loss(loss)
        train_accuracy(y, predictions)

    @tf.function
    def test_step(x, y):
        predictions = model(x, training=False)
        test_loss(loss_object(y, predictions))
        test_accuracy(y, predictions)

    for _ in range(2):
        for m in (train_loss, train_accuracy, test_loss, test_accuracy):
            m.reset_state()
        for x, y in dataset():
            train_step(x, y)
        for x, y in dataset(100, seed=1):
            test_step(x, y)
        [float(m.result()) for m in (train_loss, train_accuracy, test_loss, test_accuracy)]


@healthy
def walkthrough_with_second_forward_pass():
    model, optimizer, loss_object = mlp(3), keras.optimizers.SGD(0.01), SCCE(from_logits=True)

    def grad(model, x, y):
        with tf.GradientTape() as tape:
            value = loss_object(y_true=y, y_pred=model(x, training=True))
        return value, tape.gradient(value, model.trainable_variables)

    for _ in range(3):
        epoch_loss, epoch_accuracy = M.Mean(), M.SparseCategoricalAccuracy()
        for x, y in dataset():
            loss, grads = grad(model, x, y)
            optimizer.apply_gradients(zip(grads, model.trainable_variables))
            epoch_loss.update_state(loss)
            epoch_accuracy.update_state(y, model(x, training=True))
        float(epoch_loss.result()), float(epoch_accuracy.result())
    test_accuracy = M.Accuracy()
    for x, y in dataset(64, seed=1):
        prediction = tf.math.argmax(model(x, training=False), axis=1, output_type=tf.int64)
        test_accuracy(prediction, y)
    float(test_accuracy.result())


@healthy
def fit_with_accuracy():
    x, y = blobs()
    model = mlp(3, "softmax")
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y[:, None], epochs=2, verbose=0, validation_split=0.2, batch_size=31)
    model.evaluate(x, y[:, None], verbose=0)
    model.predict(x, verbose=0)


@healthy
def column_and_float_labels():
    trainer = Trainer()
    x, y = blobs(101)
    for xb, yb in batches(x, y[:, None].astype("float32"), 20):
        trainer.step(xb, yb)


@healthy
def label_smoothing():
    x, y = blobs()
    trainer = Trainer(loss=L.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1))
    for xb, yb in batches(x, np.eye(3, dtype="float32")[y]):
        trainer.step(xb, yb)


@healthy
def tiny_batches_and_a_last_one():
    trainer, metric = Trainer(), M.SparseCategoricalAccuracy()
    x, y = blobs(13)
    for xb, yb in batches(x, y, 3):
        _, p = trainer.step(xb, yb)
        metric.update_state(yb, p)
    float(metric.result())


@healthy
def reduction_none_scaled_by_hand():
    loss_fn = SCCE(from_logits=True, reduction="none")
    trainer = Trainer(loss=lambda y, p: tf.reduce_sum(loss_fn(y, p)) / 32.0)
    for x, y in dataset():
        trainer.step(x, y)


@healthy
def strong_dropout():
    model = keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(16, "relu"),
            keras.layers.Dropout(0.8),
            keras.layers.Dense(3),
        ]
    )
    trainer, metric = Trainer(model), M.SparseCategoricalAccuracy()
    for x, y in dataset():
        trainer.step(x, y)
    for x, y in dataset(96, seed=1):
        metric.update_state(y, model(x, training=False))
    float(metric.result())


@healthy
def multi_label():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(256, 8)).astype("float32")
    y = (x[:, :5] > 0.3).astype("float32")
    model, optimizer = mlp(5), keras.optimizers.Adam(0.01)
    loss_fn = L.BinaryCrossentropy(from_logits=True)
    accuracy, precision, auc = M.BinaryAccuracy(threshold=0.0), M.Precision(), M.AUC()
    for xb, yb in batches(x, y):
        with tf.GradientTape() as tape:
            logits = model(xb, training=True)
            loss = loss_fn(yb, logits)
        grads = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(grads, model.trainable_variables))
        accuracy.update_state(yb, logits)
        precision.update_state(yb, tf.sigmoid(logits))
        auc.update_state(yb, tf.sigmoid(logits))
    [float(m.result()) for m in (accuracy, precision, auc)]


@healthy
def multi_output():
    inputs = keras.Input((8,))
    h = keras.layers.Dense(16, "relu")(inputs)
    model = keras.Model(inputs, {"a": keras.layers.Dense(3)(h), "b": keras.layers.Dense(1)(h)})
    optimizer = keras.optimizers.Adam(0.01)
    x, y = blobs()
    for xb, yb in batches(x, y):
        with tf.GradientTape() as tape:
            out = model(xb, training=True)
            loss = SCCE(from_logits=True)(yb, out["a"])
            target = tf.cast(yb[:, None] == 1, tf.float32)
            loss += L.BinaryCrossentropy(from_logits=True)(target, out["b"])
        grads = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(grads, model.trainable_variables))


@healthy
def segmentation_with_void():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(32, 8, 8, 1)).astype("float32")
    y = (x[..., 0] > 0).astype("int32")
    y[:, 0] = 255
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(8, 3, padding="same", activation="relu"),
            keras.layers.Conv2D(2, 1),
        ]
    )
    loss_fn, iou = SCCE(from_logits=True, ignore_class=255), M.MeanIoU(2, ignore_class=255)
    accuracy, optimizer = M.SparseCategoricalAccuracy(), keras.optimizers.Adam(0.01)
    for xb, yb in batches(x, y, 8):
        with tf.GradientTape() as tape:
            p = model(xb, training=True)
            loss = loss_fn(yb, p)
        grads = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(grads, model.trainable_variables))
        iou.update_state(yb, tf.argmax(p, -1))
        accuracy.update_state(yb, p, sample_weight=yb != 255)


@healthy
def masked_sequences():
    from .sequences import run, tagger

    run(tagger(True), SCCE(from_logits=True), M.SparseCategoricalAccuracy())


@healthy
def sequence_classifier_with_mask():
    rng = np.random.default_rng(0)
    x = rng.integers(1, 20, (96, 10))
    x[:, 6:] = 0
    y = (x[:, 0] > 10).astype("int64")
    model = keras.Sequential(
        [
            keras.Input((10,), dtype="int32"),
            keras.layers.Embedding(20, 8, mask_zero=True),
            keras.layers.LSTM(8),
            keras.layers.Dense(2),
        ]
    )
    trainer = Trainer(model)
    step = tf.function(lambda a, b: trainer.step(a, b)[0])
    for xb, yb in batches(x, y):
        step(tf.constant(xb), tf.constant(yb))


@healthy
def mixed_precision_with_float32_head():
    model = keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(16, "relu", dtype="mixed_float16"),
            keras.layers.Dense(3, "softmax", dtype="float32"),
        ]
    )
    trainer = Trainer(model, SCCE())
    trainer.optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.01))
    optimizer = trainer.optimizer
    for x, y in dataset():
        with tf.GradientTape() as tape:
            loss = optimizer.scale_loss(trainer.loss(y, model(x, training=True)))
        grads = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(grads, model.trainable_variables)


@healthy
def hard_problem():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(512, 8)).astype("float32"), (rng.random(512) < 0.1).astype("int64")
    trainer, metric = Trainer(classes=2), M.SparseCategoricalAccuracy()
    for _ in range(4):
        metric.reset_state()
        for xb, yb in batches(x, y):
            _, p = trainer.step(xb, yb)
            metric.update_state(yb, p)
        float(metric.result())


@healthy
def compiled_with_xla():
    trainer, metric = Trainer(), M.SparseCategoricalAccuracy()

    @tf.function(jit_compile=True)
    def step(x, y):
        loss, p = trainer.step(x, y)
        metric.update_state(y, p)
        return loss

    for _ in range(2):
        metric.reset_state()
        for x, y in dataset():
            step(x, y)
        float(metric.result())


@healthy
def train_on_batch():
    x, y = blobs()
    model = mlp(3)
    model.compile("adam", SCCE(from_logits=True), metrics=["accuracy"])
    for _ in range(2):
        for xb, yb in batches(x, y):
            model.train_on_batch(xb, yb)


@healthy
def custom_train_step_in_fit():
    class Custom(keras.Model):
        def __init__(self):
            super().__init__()
            self.body = mlp(3)
            self.tracker = M.Mean(name="loss")

        def call(self, x, training=False):
            return self.body(x, training=training)

        def train_step(self, data):
            x, y = data
            with tf.GradientTape() as tape:
                loss = self.compute_loss(y=y, y_pred=self(x, training=True))
            grads = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply_gradients(zip(grads, self.trainable_variables))
            self.tracker.update_state(loss)
            return {"loss": self.tracker.result()}

        @property
        def metrics(self):
            return [self.tracker]

    model = Custom()
    model.compile("adam", SCCE(from_logits=True))
    x, y = blobs()
    model.fit(x, y, epochs=2, verbose=0)


@healthy
def distillation():
    teacher, student, optimizer = mlp(3), mlp(3), keras.optimizers.Adam(0.01)
    for x, y in dataset():
        soft = tf.nn.softmax(teacher(x, training=False) / 3.0)
        with tf.GradientTape() as tape:
            logits = student(x, training=True)
            loss = SCCE(from_logits=True)(y, logits)
            loss += L.KLDivergence()(soft, tf.nn.softmax(logits / 3.0)) * 9.0
            loss += L.CategoricalCrossentropy()(soft, tf.nn.softmax(logits))
        grads = tape.gradient(loss, student.trainable_variables)
        optimizer.apply_gradients(zip(grads, student.trainable_variables))


@healthy
def gan():
    generator = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(16),
            keras.layers.BatchNormalization(),
            keras.layers.Dense(8),
        ]
    )
    discriminator = keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(16, "relu"),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(1),
        ]
    )
    bce = L.BinaryCrossentropy(from_logits=True)
    g_opt, d_opt = keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3)

    @tf.function
    def step(x):
        noise = tf.random.normal([tf.shape(x)[0], 4])
        with tf.GradientTape() as g_tape, tf.GradientTape() as d_tape:
            fake = generator(noise, training=True)
            real_out = discriminator(x, training=True)
            fake_out = discriminator(fake, training=True)
            g_loss = bce(tf.ones_like(fake_out), fake_out)
            d_loss = bce(tf.ones_like(real_out), real_out)
            d_loss += bce(tf.zeros_like(fake_out), fake_out)
        g = g_tape.gradient(g_loss, generator.trainable_variables)
        d = d_tape.gradient(d_loss, discriminator.trainable_variables)
        g_opt.apply_gradients(zip(g, generator.trainable_variables))
        d_opt.apply_gradients(zip(d, discriminator.trainable_variables))

    for x, _ in dataset():
        step(x)


@healthy
def regression():
    x, _ = blobs()
    model, optimizer = mlp(1), keras.optimizers.Adam(0.01)
    metric = M.MeanAbsoluteError()
    for xb, yb in batches(x, x[:, :1] * 2):
        with tf.GradientTape() as tape:
            p = model(xb, training=True)
            loss = L.MeanSquaredError()(yb, p)
        grads = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(grads, model.trainable_variables))
        metric.update_state(yb, p)


@healthy
def transfer_learning():
    base = keras.Sequential(
        [keras.Input((8,)), keras.layers.Dense(16), keras.layers.BatchNormalization()]
    )
    base.trainable = False
    inputs = keras.Input((8,))
    h = keras.layers.Dropout(0.2)(base(inputs, training=False))
    model = keras.Model(inputs, keras.layers.Dense(3)(h))
    trainer = Trainer(model)
    for x, y in dataset():
        trainer.step(x, y)


@healthy
def one_step_only():
    Trainer().step(*next(iter(dataset())))


@healthy
def evaluation_only():
    model, metric = mlp(3), M.SparseCategoricalAccuracy()
    for x, y in dataset():
        metric.update_state(y, model(x, training=False))
    float(metric.result())


@healthy
def regularised():
    model = keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(16, "relu", kernel_regularizer="l2"),
            keras.layers.Dense(3),
        ]
    )
    loss_fn = SCCE(from_logits=True)
    trainer = Trainer(model, lambda y, p: loss_fn(y, p) + sum(model.losses))
    for x, y in dataset():
        trainer.step(x, y)


@healthy
def weighted_classes():
    trainer = Trainer()
    class_weights = tf.constant([0.5, 2.0, 0.5])
    for x, y in dataset():
        trainer.step(x, y, sample_weight=tf.gather(class_weights, y))


@healthy
def contrastive_pairs():
    model, optimizer = mlp(8), keras.optimizers.Adam(0.01)
    for x, y in dataset():
        with tf.GradientTape() as tape:
            z = tf.math.l2_normalize(model(x, training=True), axis=1)
            same = tf.cast(tf.equal(y[:, None], tf.transpose(y[:, None])), tf.float32)
            logits = tf.matmul(z, z, transpose_b=True) / 0.1
            log_p = tf.nn.log_softmax(logits)
            each = tf.reduce_sum(same * log_p, axis=1) / tf.reduce_sum(same, axis=1)
            loss = -tf.reduce_mean(each)
        grads = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(grads, model.trainable_variables))


@healthy
def policy_gradient():
    model, optimizer = mlp(3, "softmax"), keras.optimizers.Adam(0.01)
    for x, y in dataset():
        with tf.GradientTape() as tape:
            p = model(x, training=True)
            chosen = tf.gather(p, y, axis=1, batch_dims=1)
            loss = -tf.reduce_sum(tf.math.log(chosen) * tf.random.normal([len(y)]))
        grads = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(grads, model.trainable_variables))


@healthy
def module_with_raw_variables():
    w, b = tf.Variable(tf.zeros([8, 3])), tf.Variable(tf.zeros([3]))
    for x, y in dataset():
        with tf.GradientTape() as tape:
            logits = tf.matmul(x, w) + b
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits)
            )
        for g, v in zip(tape.gradient(loss, [w, b]), [w, b]):
            v.assign_sub(0.1 * g)
        tf.reduce_mean(tf.cast(tf.argmax(logits, 1) == y, tf.float32))


@healthy
def epoch_inside_the_graph():
    trainer, data = Trainer(), dataset()

    @tf.function
    def epoch():
        total = 0.0
        for x, y in data:
            total += trainer.step(x, y)[0]
        return total

    trainer.model.build((None, 8))
    trainer.optimizer.build(trainer.model.trainable_variables)
    for _ in range(3):
        float(epoch())


@healthy
def slices_inside_the_graph():
    x, y = (tf.constant(a) for a in blobs())
    trainer = Trainer()
    trainer.optimizer.build(trainer.model.trainable_variables)

    @tf.function
    def epoch():
        total = 0.0
        for i in tf.range(8):
            total += trainer.step(x[i * 32 : i * 32 + 32], y[i * 32 : i * 32 + 32])[0]
        return total / 8

    for _ in range(3):
        float(epoch())


@healthy
def augmentation_and_adversarial_examples():
    model = keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.GaussianNoise(0.1),
            keras.layers.Dense(16, "relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Dense(3),
        ]
    )
    trainer = Trainer(model)
    for x, y in dataset():
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = trainer.loss(y, model(x, training=False))
        trainer.step(x + 0.01 * tf.sign(tape.gradient(loss, x)), y)
