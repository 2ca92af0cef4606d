"""What scripted_job.py writes into an output of this name and size."""
import random


def content(path, size):
    return random.Random(path).randbytes(size)
