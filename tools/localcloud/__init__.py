"""A local cloud: OSS, its triggers and function instances on one machine, without Docker.

Begin with `cloud`, which joins the three, then `oss` or `invoker`.

The whole
    cloud, options          a template's functions, buckets and triggers, running
    client                  one of its buckets, as a person's client has it
    datafolder              the folder that outlives the process, for one cloud at a time
    news                    what is told to who watches: the console
    credentials, roles      access keys; those of functions, which change
    permissions             RAM policies, as OSS applies them
    server, connections     HTTP over TCP
    wsgi, incoming          between a request and an application; its body, as it arrives

OSS
    oss                     the endpoint
    oss_request, body       a request as it is read; contents, in memory or in a file
    signature, oss_post     who signed it, also in an HTML form
    oss_dialect             which operation it is; what is not spoken is refused by name
    oss_buckets, oss_objects, oss_kinds, oss_multipart
                            the operations; of objects with their own rules: `oss_kinds`
    oss_conditions, oss_image
                            what a GET may ask for
    oss_store               what is kept: rows (`oss_index`, `oss_rows`), files (`oss_blobs`),
                            uploads in parts (`oss_parts`)
    oss_events, oss_untold  who hears of new objects, and of which nobody has heard yet
    oss_types               what passes between these

Function Compute
    created, timers         what triggers send: for an object, and when it is time
    waiting, deliveries     asynchronous invocations, kept until they are done
    invoker                 one function's invocations: instances, retries, failures
    failure                 what its destination is told of one that failed for good
    instance, limits        one process, and what it may take
    environment, bootstrap  its environment; what runs inside it in place of the platform
    invoke_api, acs3        invocations over HTTP, and who signed them

Faults on purpose
    chaos                   which, and when, by a seed
    chaos_http, meddling    done to requests
"""
