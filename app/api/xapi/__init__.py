"""`/v1/xapi/{tenant}/{source}`: the resources of a learning record store, for each source with the adapter `xapi`.

`exchange` reads and proves a request, `statements`, `documents` and `entities` answer it, `routes` lists the addresses.
https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Communication.md
"""
