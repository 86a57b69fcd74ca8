"""What is promised, shown: runs that take longer than tests may.

Each of the first is a command, `python -m tools.prove.NAME`, with a target in the Makefile.

Commands
    interleavings           the promise in thousands of orders of events, crashes and late writes
    mutations, mutants      the code broken on purpose, and the ways in which it is
    fuzz, targets           inputs that nobody thought of, and what takes them
    hostile                 files that are made to break a decoder
    soak                    20,000 uploads into a local cloud that fails in every way it can
    backfill                a bucket of 100,000 objects, and a run that is stopped three times
    fanout                  2,000 images through the deployed function of a local cloud
    cluster                 2,000 images on two Ray nodes, of which one is killed
    estimated               an estimate, held against a run

Behind `interleavings`
    world, tape             a bucket, its functions, and choices that decide what happens next
    puppet, invocations     functions that move when they are told to; attempts, as the platform has
    fates                   what can befall one operation
    memory_cloud, http_cloud
                            the stores it is played on
    truth, verdict          what may stand in the bucket; whether it does

Behind the others
    bucket                  a bucket that is counted, and judged in the end
    fragile                 the function, with two faults that some pictures bring out
    memory                  what processes hold, by /proc
"""
