"""The tables and the choice between routes: Adj-RIB-In, decision process, Loc-RIB, next hops, originated routes (RFC
4271 3.2, 9.1).
"""
