"""The only package that knows a kernel, a page or a Jupyter server. Import its modules one by one."""
