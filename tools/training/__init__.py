"""Training a classifier on the user's own pictures: a frozen network and a head that learns.

Modules
    train                   all of it, from folders of pictures to a bundle and its report
    classes, pictures       what is in the folders
    parts                   which pictures are learned from, and which are held out
    views, embed            pictures as other cameras had taken them; what the network makes of them
    head                    the part that learns, chosen by cross-validation
    assemble                both as one network in one bundle
    metrics, report, plot   how often it is right, told
    parallel                work on threads that Ctrl-C ends
"""
