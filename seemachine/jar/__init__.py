"""Signed JAR files, as java.util.jar.JarFile verifies them: a manifest, a signature file, and a
block file, which is a CMS message.
"""
