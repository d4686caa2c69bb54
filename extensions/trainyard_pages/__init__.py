"""The pages service: Voila dashboards behind the Hub's login, with kernels run ahead, one viewer each."""
