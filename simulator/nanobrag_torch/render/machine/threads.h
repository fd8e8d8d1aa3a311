// The rows of an image, rendered by some threads: each takes a few rows at a time, so that one on a slow core takes
// fewer. Which thread renders which row cannot be seen in the result.
#pragma once

#include <cerrno>
#include <cstdlib>
#include <pthread.h>
#include <unistd.h>

#include "scene.h"

constexpr int64_t PIXELS_AT_ONCE = 12800;  // of the rows that a thread takes: they stay in its cache until written
constexpr int STOPPED = -1;
constexpr int MOST_THREADS = 1024;

// Where rows go: to memory (``values`` is where the first pixel of the first row goes, ``stride`` numbers further the
// next row), or where that is null into a file of ``fast_pixels`` in a row. ``angles`` and ``undefined`` have a number
// for each row. ``progress`` is told by the calling thread how many rows are done, and stops everything unless it
// returns 0.
struct Target {
    float* values;
    int64_t stride, file;
    double* angles;
    int64_t* undefined;
    int (*progress)(int64_t);
};

template <class RenderRow>
struct Job {
    const Scene& s;
    const RenderRow& render_row;
    int64_t first_row, rows, at_once;
    const Target& to;
    int64_t taken, done;
    int fault;  // 0, errno, or STOPPED
};

// Write numbers to their place in a file; 0 or errno.
static int write_numbers(int file, const float* numbers, int64_t count, int64_t place) {
    const char* left = (const char*)numbers;
    for (int64_t bytes = count * int64_t(sizeof *numbers), at = place * int64_t(sizeof *numbers); bytes > 0;) {
        const ssize_t written = pwrite(file, left, size_t(bytes), at);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return written < 0 ? errno : ENOSPC;
        left += written, at += written, bytes -= written;
    }
    return 0;
}

template <class RenderRow>
static int render_some(Job<RenderRow>& job, int64_t start, int64_t end, float* kept) {
    const Target& to = job.to;
    const int64_t width = job.s.width;
    for (int64_t row = start; row < end; row++) {
        float* values = to.values ? to.values + row * to.stride : kept + (row - start) * width;
        to.undefined[row] = job.render_row(job.first_row + row, values, to.angles + row);
    }
    if (to.values) return 0;
    const int64_t place = (job.first_row + start) * job.s.fast_pixels + job.s.first_column;
    if (width == job.s.fast_pixels) return write_numbers(int(to.file), kept, (end - start) * width, place);
    int fault = 0;
    for (int64_t row = 0; row < end - start && !fault; row++)
        fault = write_numbers(int(to.file), kept + row * width, width, place + row * job.s.fast_pixels);
    return fault;
}

// Take rows until none is left, or something went wrong.
template <class RenderRow>
static void work(Job<RenderRow>& job, bool tells) {
    float* kept = job.to.values ? nullptr : (float*)malloc(size_t(job.at_once * job.s.width) * sizeof(float));
    int fault = job.to.values || kept ? 0 : ENOMEM;
    while (!fault && !__atomic_load_n(&job.fault, __ATOMIC_RELAXED)) {
        const int64_t start = __atomic_fetch_add(&job.taken, job.at_once, __ATOMIC_RELAXED);
        if (start >= job.rows) break;
        const int64_t end = start + job.at_once < job.rows ? start + job.at_once : job.rows;
        fault = render_some(job, start, end, kept);
        const int64_t done = __atomic_add_fetch(&job.done, end - start, __ATOMIC_RELAXED);
        if (tells && !fault && job.to.progress(done)) fault = STOPPED;
    }
    if (fault) __atomic_store_n(&job.fault, fault, __ATOMIC_RELAXED);
    free(kept);
}

template <class RenderRow>
static void* work_of_thread(void* job) {
    work(*(Job<RenderRow>*)job, false);
    return nullptr;
}

// Render rows by this thread and others, ``threads`` in all or as many as can be made; 0, errno or STOPPED.
template <class RenderRow>
static int render_all(const Scene& s, int64_t first_row, int64_t rows, int64_t threads, const Target& to,
                      const RenderRow& render_row) {
    const int64_t at_once = PIXELS_AT_ONCE / s.width > 1 ? PIXELS_AT_ONCE / s.width : 1;
    Job<RenderRow> job = {s, render_row, first_row, rows, at_once, to, 0, 0, 0};
    pthread_t others[MOST_THREADS];
    int made = 0;
    while (made + 1 < threads && made < MOST_THREADS && made * at_once < rows &&
           !pthread_create(&others[made], nullptr, work_of_thread<RenderRow>, &job))
        made++;
    work(job, true);
    while (made) pthread_join(others[--made], nullptr);
    return job.fault;
}
