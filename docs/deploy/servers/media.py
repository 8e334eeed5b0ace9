# What the other files of this folder serve: put your own application here, and its folder for /srv.
from wsgistream import DirectoryApp

app = DirectoryApp("/srv/media", listing=True)
