"""The intent benchmark: accuracy, calibration, noise and speed, beside the models that people start with."""
