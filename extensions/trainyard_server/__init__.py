"""What a workspace's JupyterLab gets from Trainyard: launcher tiles for the pages and TensorBoard on the folder at hand.

The tiles are a prebuilt JupyterLab extension (``labextension/``, installed below ``share/jupyter/labextensions``). TensorBoard
is started by jupyter-server-proxy, which finds :func:`trainyard_server.tensorboard.setup` by its entry point, so that it is
behind the same login as everything else in the workspace. A terminal into a running job is ``trainyard console``.
"""
