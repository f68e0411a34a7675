"""The fault suite: real processes under load, faults from outside, and a checker that counts the outcomes."""
