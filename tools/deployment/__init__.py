"""What a template asks of the cloud: whether it holds together, who may do what, what is there.

Modules
    settings                what each function reads and writes, read as the function does
    checks, limits, loops   what cannot work, found without a network: `package` refuses it
    entry, account          the same of handlers, runtimes and the account's ID
    ram, statements         `policy`: who may do what, and what such documents are made of
    doctor, lines           `doctor`: what is there, and what is said of each thing
    models, probe           which model each function has, and the requests that are sent
"""
