"""The helper process that runs this client for a C library: `PYTHON -P -m seeclient.bridge FD`.

The library starts it and speaks to it over the socket FD; `client/native` has the other side.
"""
