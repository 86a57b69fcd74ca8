"""What people run: the `fanlight` command and what is behind it. Nothing here is deployed.

Begin with `cli`, then with the module of `commands` that is called as the command. Each is thin;
what does its work is below.

The command line
    cli, lazy               the command, whose subcommands are imported when they are asked for
    commands                one module for each
    places, settings        folders and oss:// prefixes; what `run` and `status` work on
    credentials             access keys, renewed where their source renews them
    template, timer         template.yml; `deployed`: what it has for a place; `inputs`: what it
                            says of one that is named
    extras                  what to install for what is missing
    finite, shown, counted  numbers taken in; untrusted text and counts on a terminal
    progress, patience      what a person sees who waits

run and status
    plan, spool             what there is to do, listed ahead of the work
    runs, reservoir         which of it one run does; a sample of it
    engines                 who does the work: `engine` processes here (`engine_process` in each),
                            `engine_fc` the deployed function (through `fc`), `engine_ray` a cluster
    ray_pool, ray_actor     its actors
    together                small images of a folder, step by step
    pace                    no faster than so many a second
    letters, filed          dead letters, read and cleared; what they tell a status
    ending                  how a run stops before its time
    summary, saying         what it says in the end, and how that is told
    explained               what is known of one key

Other commands
    results, gallery        results as tables and files; as a page
    localcloud, console     `up`: OSS and Function Compute on this machine; its page
    events, replayed        `replay`: events made up; those of files, and whom they are for
    samples                 `replay` and `demo`: the pictures that ship
    deployment, packaging   `policy` and `doctor`; `package`
    estimate                `estimate`
    bench                   `bench`

Models
    models, bundles, zips   by name; as folders; as files that are always the same bytes
    creating                from a network of one's own; `tflite_metadata`: what a file says
    training                from pictures of one's own
    published, cache        from what others have published, and where downloads are kept
    digits                  the one that ships

Proofs
    prove                   runs that take longer than tests may: `make prove` and others
    processes               what they, and tests, see of other processes
"""
