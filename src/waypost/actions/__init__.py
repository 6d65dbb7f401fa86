"""What people and programs can do: endpoints, trackings, deliveries, recoveries, accounts, API keys, files of parcels.

Input: values and an actor. Output: values, or a refusal that names what is wrong. Every function is limited to one
account: for it, the data of other accounts does not exist. The faces (``api``, ``portal``, ``cli``) make every change
through these functions, so a page, a call and a command never differ.
"""
