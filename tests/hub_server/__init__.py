"""A Hub for the tests: an HTTP server on the loopback that speaks the API which huggingface_hub 2.4 uses.

`server.HubServer` is the door, `store` keeps repositories and commits in memory, one file per kind of route answers
the calls, `faults` lets chosen calls go wrong, and `clients` gives the environment that points a child process here.
"""
