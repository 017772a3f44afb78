#!/bin/sh
# What a process sees of its container, in sections, for test_same.py.
section() { echo "@@ $1"; }
without_time() { sed 's/ [A-Z][a-z][a-z] *[0-9]* *[0-9:]* / /'; }

section mountinfo; cat /proc/self/mountinfo
section limits; tail -n +2 /proc/self/limits
section status; grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp|Sig(Blk|Ign|Cgt)|ShdPnd|Umask)' /proc/self/status
section namespaces; for n in cgroup ipc mnt net pid time user uts; do readlink /proc/self/ns/$n; done
section environment; env | sort
section where; pwd; umask; id; hostname; cat /proc/sys/kernel/domainname
section oom; cat /proc/self/oom_score_adj
section dev; ls -lanR /dev | without_time
section root; for i in / /tmp /etc /work /opt /data /run /dev/shm; do ls -ldn $i; done 2>&1 | without_time
section fds; ls /proc/self/fd
section session; cut -d' ' -f5-8 /proc/$$/stat | sed "s/^$$ $$ /own own /"
section maps; cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups
section limited; cd /sys/fs/cgroup 2>/dev/null && for i in memory/memory.limit_in_bytes pids/pids.max cpu/cpu.shares \
        cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us cpuset/cpuset.cpus; do echo "$i $(cat $i 2>&1)"; done
section network; ls /sys/class/net; tail -n +3 /proc/net/dev | cut -d: -f1; tr -s ' ' < /proc/net/if_inet6 | cut -d' ' -f1,6
section settings; for i in net/ipv4/ip_forward net/ipv4/ip_unprivileged_port_start kernel/shmmni kernel/msgmax \
        fs/mqueue/msg_max; do echo "$i $(cat /proc/sys/$i 2>&1)"; done
section writes; for i in /x /tmp/x /dev/x /dev/shm/x /sys/x /proc/sys/kernel/domainname /data/x /work/x /run/x /opt/x; do
        if (echo x > $i) 2>/dev/null; then echo "$i yes"; else echo "$i no"; fi; done
section devices; for i in null zero full random tty console ptmx; do
        if (: < /dev/$i) 2>/dev/null; then echo "$i yes"; else echo "$i no"; fi; done
section content; for i in /data/file /data/deep/file /work/file /opt/file /etc/file /run/file; do echo "$i $(cat $i 2>&1)"; done
section masked; for i in /proc/kcore /proc/keys /proc/timer_list /sys/firmware /proc/acpi /etc/file /work/below; do
        [ -z "$(head -c 1 $i 2>/dev/null)" ] && echo "$i $(ls $i 2>/dev/null | wc -l)"; done
section calls; mkdir /tmp/made 2>&1; chmod 700 /tmp/made 2>&1; mknod /tmp/node c 1 3 2>&1 && cat /tmp/node 2>&1
section end
