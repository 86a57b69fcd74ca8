"""The deployable zips: what each function needs, for the platform's Python, and nothing more.

Modules
    plan, imports           what goes into each package, by what its code imports
    components, trim        libraries, and what of them is left out: each with its reason
    target, pins, wheels    for which Python, in which version, and where from
    contents, build         a plan's entries, and its zip
    zipped                  zips whose bytes follow from their content
    bytecode                compiled ahead, where that is asked for
    limits, report          how far it is from the platform's limits; what is in it
    trial                   the package, run by a bare interpreter
"""
