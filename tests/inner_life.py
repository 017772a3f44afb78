# SPDX-License-Identifier: GPL-2.0-or-later
"""What an isola in a container does from its first image to its last, and what it prints."""

LIFE = '''set -e
run() { /isola/isola "$@"; }
run image import /in/rootfs.tar b >/dev/null
run run --rm --network none b id -u
run run -d --name web -p 8080:80 b httpd -f -p 80 -h /var/www >/dev/null
sleep 0.5
wget -q -O - http://127.0.0.1:8080/
run run --rm b wget -q -O - http://web/
run exec web hostname | wc -c
run rm -f web
run build -q -t c /in >/dev/null
run run --rm --network none c
run run --rm --network none -v shared:/shared b touch /shared/file
run run --rm --network none -v shared:/shared b ls /shared
run ps -aq
'''
LIVED = ['0', 'hello from inside', 'hello from inside', '13', 'web', '0 1000', 'file']
