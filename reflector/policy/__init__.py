"""Which routes are accepted and advertised, and with which attributes: policies, eligibility, reflection, roles (RFC
4271 9.1, RFC 4456).
"""
