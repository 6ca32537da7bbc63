#!/usr/bin/env python3
"""Makes the digits beside this script from the full MNIST files.

usage: make_subset.py FOLDER_WITH_FULL_MNIST [OUTPUT_FOLDER]

From each digit it takes 1,000 training images and 200 test images, evenly spaced over all images of that digit, and keeps
their order. So the subset is balanced, has no random choice in it, and covers all writers of the original set.
"""
import gzip
import pathlib
import struct
import sys

DIGITS = 10
PARTS = {"train": 1000, "t10k": 200}  # images of each digit


def read(path, dims):
    """Returns the sizes and the bytes of an IDX file of unsigned bytes."""
    raw = gzip.decompress(path.read_bytes())
    magic, *sizes = struct.unpack(f">{dims + 1}I", raw[: 4 * (dims + 1)])
    if magic != 0x800 + dims:
        raise SystemExit(f"{path}: expected an IDX file of bytes with {dims} dimensions, its first word is {magic:#x}")
    return sizes, raw[4 * (dims + 1):]


def write(path, sizes, content):
    head = struct.pack(f">{len(sizes) + 1}I", 0x800 + len(sizes), *sizes)
    # no time and no name in the header: the same input gives the same file
    path.write_bytes(gzip.compress(head + content, compresslevel=9, mtime=0))


def choose(labels, per_digit):
    chosen = []
    for digit in range(DIGITS):
        places = [i for i, label in enumerate(labels) if label == digit]
        chosen += [places[k * len(places) // per_digit] for k in range(per_digit)]
    return sorted(chosen)


def main(source, target):
    for part, per_digit in PARTS.items():
        names = f"{part}-images-idx3-ubyte.gz", f"{part}-labels-idx1-ubyte.gz"
        (_, rows, columns), images = read(source / names[0], 3)
        _, labels = read(source / names[1], 1)
        chosen = choose(labels, per_digit)
        size = rows * columns
        write(target / names[0], [len(chosen), rows, columns], b"".join(images[i * size:(i + 1) * size] for i in chosen))
        write(target / names[1], [len(chosen)], bytes(labels[i] for i in chosen))


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        raise SystemExit(__doc__)
    here = pathlib.Path(__file__).resolve().parent
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]) if len(sys.argv) == 3 else here)
