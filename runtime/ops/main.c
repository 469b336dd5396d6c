/* The program: flags and environment, then one of a few commands. */
#include "core/limits.h"
#include "ops/options.h"
#include "ops/process.h"

#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define HELP_CEILING (64 * 1024)

static int wrong(const char *program, const char *what, const char *word)
{
    fprintf(stderr, "%s: %s: %s (see --help)\n", program, word, what);
    return EXIT_SETTING;
}

static int serve(const apus_app *app, int argc, char **argv)
{
    return argc > 1 ? wrong(argv[0], "takes no arguments", argv[1]) : command_serve(app);
}

static int dev(const apus_app *app, int argc, char **argv)
{
    return argc > 1 ? wrong(argv[0], "takes no arguments", argv[1]) : command_dev(app);
}

static int routes(const apus_app *app, int argc, char **argv)
{
    (void)argc, (void)argv;
    return command_routes(app);
}

static int config(const apus_app *app, int argc, char **argv)
{
    (void)argc, (void)argv;
    apus_app served;
    setting_table tables[OPTIONS_TABLES];
    buffer out;
    ops_options.app_version = application_served(app, &served)->version;
    ops_options.workers = options_workers(app);
    buffer_init(&out, NULL, 4096, HELP_CEILING);
    settings_print(tables, options_tables(app, tables), &out);
    fwrite(out.ptr, 1, out.len, stdout);
    buffer_free(&out);
    return 0;
}

typedef struct command {
    const char *name, *arguments, *doc;
    int (*run)(const apus_app *app, int argc, char **argv);
} command;

static const command commands[] = {
    {"serve", "", "serve (what it does without a command)", serve},
    {"dev", "", "serve, and build and serve anew whenever a source file changes", dev},
    {"migrate", "up|down|status", "apply the migrations, take the last one back, or list them", command_migrate},
    {"healthcheck", "[PATH]", "ask the running server for PATH (/healthz): exit 0 when it answers 200", command_healthcheck},
    {"config", "", "print the effective settings, secrets masked", config},
    {"routes", "", "print the routes", routes},
    {"entrypoint", "[-- PROGRAM...]", "write PRIVATE_KEY to PRIVATE_KEY_PATH, then become PROGRAM", NULL},
};

static int help(const apus_app *app, const char *program)
{
    setting_table tables[OPTIONS_TABLES];
    buffer out;
    buffer_init(&out, NULL, 4096, HELP_CEILING);
    buffer_printf(&out, "Usage: %s [COMMAND] [--setting VALUE …]\n\nCommands:\n", program);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        buffer_printf(&out, "  %-12s %-16s %s\n", commands[i].name, commands[i].arguments, commands[i].doc);
    buffer_printf(&out, "\nSettings (environment variable or flag; the flag wins):\n");
    settings_help(tables, options_tables(app, tables), &out);
    fwrite(out.ptr, 1, out.len, stdout);
    buffer_free(&out);
    return 0;
}

static int version(const apus_app *app)
{
    apus_app served;
    application_served(app, &served);
    printf("%s %s\n", app->title ? app->title : "FastAPI", served.version);
    return 0;
}

int apus_main(int argc, char **argv, const apus_app *app)
{
    setting_table tables[OPTIONS_TABLES];
    char error[512];
    const char *program = argc > 0 ? argv[0] : "app";
    if (argc > 1 && strcmp(argv[1], "entrypoint") == 0) {
        int status = command_entrypoint(argc - 1, argv + 1);
        if (status != ENTRYPOINT_SERVE)
            return status;
        argc = 1;
    }
    if (!options_fit(app, error, sizeof error)) {
        fprintf(stderr, "%s\n", error);
        return EXIT_SETTING;
    }
    bool asked_version = false;
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return help(app, program);
        asked_version |= strcmp(argv[i], "--version") == 0;
    }
    if (!settings_load(tables, options_tables(app, tables), &argc, argv, error, sizeof error)) {
        fprintf(stderr, "%s\n", error);
        return EXIT_SETTING;
    }
    if (asked_version)
        return version(app);
    if (argc < 2)
        return command_serve(app);
    if (argv[1][0] == '-')
        return wrong(program, "no such flag", argv[1]);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (commands[i].run && strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(app, argc - 1, argv + 1);
    return wrong(program, "no such command", argv[1]);
}

const char *migrations_folder(const apus_app *app)
{
    static char beside[PATH_MAX + 16];
    char program[PATH_MAX];
    if (app->migrations)
        return app->migrations;
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    if (n > 0) {
        program[n] = '\0';
        const char *folder = dirname(program);
        snprintf(beside, sizeof beside, "%s/migrations", folder[1] ? folder : "");
        if (access(beside, R_OK | X_OK) == 0)
            return beside;
    }
    return "migrations";
}

/* A task on a loop of its own, for commands that do not serve. */
typedef struct lone_task {
    apus_task task; /* first */
    loop loop;
    int (*run)(apus_task *task, void *arg);
    void *arg;
    int result;
    char *error;
    size_t error_size;
} lone_task;

static void lone_task_run(apus_task *task)
{
    lone_task *t = (lone_task *)(void *)task;
    t->result = t->run(task, t->arg);
    snprintf(t->error, t->error_size, "%s", apus_error(task));
    task_run_clean_ups(task, NULL);
}

static void lone_task_done(apus_task *task)
{
    lone_task *t = (lone_task *)(void *)task;
    if (task->out_of_memory) {
        t->result = APUS_ENOMEM;
        snprintf(t->error, t->error_size, "needs too much memory");
    }
    loop_stop(&t->loop);
}

static void lone_task_begin(void *arg)
{
    lone_task *t = arg;
    if (fiber_start(&t->task, lone_task_run, lone_task_done) < 0) {
        t->task.out_of_memory = 1;
        lone_task_done(&t->task);
    }
}

int run_alone(int (*run)(apus_task *task, void *arg), void *arg, bool with_pool, char *error, size_t error_size)
{
    static lone_task t;
    static arena memory;
    const char *words = NULL;
    t = (lone_task){.run = run, .arg = arg, .result = APUS_EIO, .error = error, .error_size = error_size};
    if (loop_open(&t.loop, 0, &words) < 0) {
        snprintf(error, error_size, "%s", words ? words : "cannot make an event loop");
        return APUS_EIO;
    }
    pg_pool *pool = with_pool ? pg_pool_open(&t.loop) : NULL;
    arena_init(&memory, &t.loop.chunks, LIMIT_REQUEST_MEMORY);
    task_init(&t.task, &t.loop, &memory);
    loop_post(&t.loop, lone_task_begin, &t);
    loop_run(&t.loop);
    arena_reset(&memory);
    if (pool)
        pg_pool_close(pool);
    loop_close(&t.loop);
    return t.result;
}
