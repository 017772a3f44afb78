/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "oci/event.h"

static const JsonField cpu_usage_fields[] = {
        JSON_U64(CgroupUsage, cpu_total, "total"),
        JSON_NUMBERS(CgroupUsage, cpu_each, "percpu"),
        JSON_U64(CgroupUsage, cpu_kernel, "kernel", JSON_ALWAYS),
        JSON_U64(CgroupUsage, cpu_user, "user", JSON_ALWAYS),
        {},
};
static const JsonType cpu_usage_type = { 0, cpu_usage_fields };

static const JsonField throttling_fields[] = {
        JSON_U64(CgroupUsage, periods, "periods"),
        JSON_U64(CgroupUsage, throttled_periods, "throttledPeriods"),
        JSON_U64(CgroupUsage, throttled_time, "throttledTime"),
        {},
};
static const JsonType throttling_type = { 0, throttling_fields };

static const JsonField cpu_fields[] = {
        JSON_WITHIN("usage", &cpu_usage_type),
        JSON_WITHIN("throttling", &throttling_type),
        {},
};
static const JsonType cpu_type = { 0, cpu_fields };

static const JsonField amount_fields[] = {
        JSON_U64(CgroupAmount, limit, "limit", JSON_ALWAYS),
        JSON_U64(CgroupAmount, usage, "usage"),
        JSON_U64(CgroupAmount, max, "max"),
        JSON_U64(CgroupAmount, fail_count, "failcnt", JSON_ALWAYS),
        {},
};
static const JsonType amount_type = { sizeof(CgroupAmount), amount_fields };

static const JsonField count_fields[] = {
        JSON_U64(CgroupCount, value, "", JSON_ALWAYS),
        {},
};
static const JsonType count_type = { sizeof(CgroupCount), count_fields };

static const JsonField memory_fields[] = {
        JSON_U64(CgroupUsage, cache, "cache"),
        JSON_STRUCT(CgroupUsage, memory, CgroupAmount, "usage", &amount_type, JSON_ALWAYS),
        JSON_STRUCT(CgroupUsage, swap, CgroupAmount, "swap", &amount_type, JSON_ALWAYS),
        JSON_STRUCT(CgroupUsage, kernel, CgroupAmount, "kernel", &amount_type, JSON_ALWAYS),
        JSON_STRUCT(CgroupUsage, kernel_tcp, CgroupAmount, "kernelTCP", &amount_type, JSON_ALWAYS),
        JSON_MAP(CgroupUsage, memory_counts, CgroupCount, "raw", &count_type),
        {},
};
static const JsonType memory_type = { 0, memory_fields };

static const JsonField pids_fields[] = {
        JSON_U64(CgroupUsage, pids, "current"),
        JSON_U64(CgroupUsage, pids_limit, "limit"),
        {},
};
static const JsonType pids_type = { 0, pids_fields };

static const JsonField io_fields[] = {
        JSON_U64(CgroupIo, major, "major"),
        JSON_U64(CgroupIo, minor, "minor"),
        JSON_STRING(CgroupIo, op, "op"),
        JSON_U64(CgroupIo, value, "value"),
        {},
};
static const JsonType io_type = { sizeof(CgroupIo), io_fields };

static const JsonField blkio_fields[] = {
        JSON_ARRAY(CgroupUsage, io_bytes, CgroupIo, "ioServiceBytesRecursive", &io_type),
        JSON_ARRAY(CgroupUsage, io_operations, CgroupIo, "ioServicedRecursive", &io_type),
        {},
};
static const JsonType blkio_type = { 0, blkio_fields };

static const JsonField pages_fields[] = {
        JSON_U64(CgroupPages, usage, "usage"),
        JSON_U64(CgroupPages, max, "max"),
        JSON_U64(CgroupPages, fail_count, "failcnt", JSON_ALWAYS),
        {},
};
static const JsonType pages_type = { sizeof(CgroupPages), pages_fields };

static const JsonField usage_fields[] = {
        JSON_WITHIN("cpu", &cpu_type),
        JSON_WITHIN("memory", &memory_type),
        JSON_WITHIN("pids", &pids_type),
        JSON_WITHIN("blkio", &blkio_type),
        JSON_MAP(CgroupUsage, pages, CgroupPages, "hugetlb", &pages_type, JSON_ALWAYS),
        {},
};
static const JsonType usage_type = { sizeof(CgroupUsage), usage_fields };

static const JsonField event_fields[] = {
        JSON_STRING(OciEvent, type, "type", JSON_ALWAYS),
        JSON_STRING(OciEvent, id, "id", JSON_ALWAYS),
        JSON_POINTER(OciEvent, usage, CgroupUsage, "data", &usage_type),
        {},
};
const JsonType oci_event_type = { sizeof(OciEvent), event_fields };
