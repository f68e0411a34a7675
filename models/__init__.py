"""The classifier: data, network, training, calibration, evaluation, artifact and the object that serves."""
