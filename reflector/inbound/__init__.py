"""From a received UPDATE to the Adj-RIB-In and the candidates: limits, refresh, routes that outlive a session (RFC
4724, 9494).
"""
