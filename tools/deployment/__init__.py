"""What a template asks of the cloud: whether it holds together, who may do what, what is there.

Modules
    settings                what each function reads and writes
    checks, limits, loops   what cannot work, found without a network: `package` refuses it
    ram, statements         `policy`: who may do what, and what such documents are made of
    doctor, probe           `doctor`: what is there, asked with small requests
"""
