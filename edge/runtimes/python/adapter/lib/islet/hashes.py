"""Functions of hashlib that CPython has by OpenSSL, which is not in this build: by the host's cryptography."""
import hashlib

from pyodide.ffi import JsException, to_js


def _pbkdf2_hmac(hash_name, password, salt, iterations, dklen=None):
    import islet_host

    digest_size = hashlib.new(hash_name).digest_size
    if iterations < 1:
        raise ValueError("iteration value must be greater than 0.")
    if dklen is not None and dklen < 1:
        raise ValueError("key length must be greater than 0.")
    return _host(islet_host.pbkdf2, _bytes(password), _bytes(salt), iterations, dklen or digest_size, hash_name)


def _scrypt(password, *, salt, n, r, p, maxmem=0, dklen=64):
    import islet_host
    from js import Object

    options = {"N": n, "r": r, "p": p, "maxmem": maxmem, "length": dklen}
    return _host(islet_host.scrypt, _bytes(password), _bytes(salt), to_js(options, dict_converter=Object.fromEntries))


def _bytes(value):
    return to_js(bytes(memoryview(value)))


def _host(function, *arguments):
    try:
        return function(*arguments).to_bytes()
    except JsException as error:
        raise ValueError(str(error)) from None


def install():
    for name, function in (("pbkdf2_hmac", _pbkdf2_hmac), ("scrypt", _scrypt)):
        if not hasattr(hashlib, name):
            function.__name__ = name
            setattr(hashlib, name, function)
