"""The pages service: our Voila dashboards behind Hub sign-in, each with a kernel run ahead that serves one viewer."""
