"""Fanlight: classifies images as they land in an OSS bucket. What every entry point shares.

Begin with `reconcile`, which is the whole idea, and `store`, which is all that it asks of a bucket.

The core
    reconcile               one key: its result brought in line with the object that is there now
    work                    all keys of one event
    sweeping, bookmark      all keys of a bucket, by a timer, and where its listing goes on
    pairs                   images beside their results: two listings, merged
    together, budget        several keys at a time, in bounded memory

What comes in, and what goes out
    event                   an event's bytes -> the keys it speaks of
    config, place, archive  settings: oss:// prefixes, zips with their digests
    result, failure         the two documents that are written: results and dead letters
    document, log           how documents and lines of the log are written
    errors, refusals        whose fault it is, and whether trying again can help; OSS's own codes

From an image's bytes to an answer
    sniff, jpeg             format, size and scans, by the first bytes and the segments
    image                   bytes -> pixels, within limits
    preprocess              pixels -> the tensor that the network takes
    glyph, ink, strokes     for digits: the one in a picture, found and brought into MNIST's form
    bundle, thresholds      what a model's folder says of it
    digest                  the name of exactly that content
    model, backends         a network that is loaded: tensor -> scores or an embedding
    answer                  all of this together: an object's bytes -> its document
    apart, pipe             decoding in a child process, so that a crash costs one image

Buckets and folders
    store                   what a store promises
    store_oss               a bucket, through oss2; `store_resized` lets OSS make pictures smaller
    connections, oss_sdk    what requests travel on; oss2 without what is slow to import (`later`)
    retry                   trying again, while there is time
    store_folder            a folder; `folder_names` maps keys, `folder_walk` and `ordered` list it

An instance's life
    runtime, cores          what differs between the platform's runtimes; how many cores there are
    beginning               what goes on while the rest is imported: downloads, a first connection
    install, unzip          zips from OSS onto the disk, checked
    warm_up, rehearsal      the first image and the first event, before they come
    quiet                   silence for libraries that offer none
"""

import os

# NumPy and OpenCV each bring an OpenBLAS, whose threads wait busily for 30 to 60 ms once they are
# loaded, in the middle of a cold start. Nothing here multiplies matrices that would use them.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
