/*
 * A module for the tests, loaded beside ours.  It does what nginx's interface allows and few modules do.
 *
 *     $neighbour_set       has a set_handler, and 42 as its data; shows the data that its getter gets
 *     $neighbour_data      shows the data that this set_handler has got
 *     $neighbour_counter   its getter forbids caching; counts how often it was called in a request
 *     $neighbour_late      shows an argument and a map, whose variables it indexes after all others
 *     test_body_to_file    turns on a body filter that writes each piece to a file and passes that on
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


typedef struct {
    ngx_uint_t  asked;
    ngx_uint_t  data;
    ngx_file_t  file;
} neighbour_ctx_t;


static ngx_int_t neighbour_add_variables(ngx_conf_t *cf);
static ngx_int_t neighbour_init(ngx_conf_t *cf);
static void *neighbour_create_conf(ngx_conf_t *cf);
static char *neighbour_merge_conf(ngx_conf_t *cf, void *parent, void *child);


static ngx_command_t  neighbour_commands[] = {

    { ngx_string("test_body_to_file"),
      NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  neighbour_module_ctx = {
    neighbour_add_variables,
    neighbour_init,
    NULL,
    NULL,
    NULL,
    NULL,
    neighbour_create_conf,
    neighbour_merge_conf
};


ngx_module_t  neighbour_module = {
    NGX_MODULE_V1,
    &neighbour_module_ctx,
    neighbour_commands,
    NGX_HTTP_MODULE,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NGX_MODULE_V1_PADDING
};


ngx_module_t  *ngx_modules[] = { &neighbour_module, NULL };
char          *ngx_module_names[] = { "neighbour_module", NULL };
char          *ngx_module_order[] = { NULL };


static ngx_http_request_body_filter_pt  next_filter;
static ngx_int_t                        late_argument, late_map;


static neighbour_ctx_t *
neighbour_ctx(ngx_http_request_t *r)
{
    neighbour_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, neighbour_module);

    if (ctx == NULL) {
        ctx = ngx_pcalloc(r->pool, sizeof(neighbour_ctx_t));
        ngx_http_set_ctx(r, ctx, neighbour_module);
    }

    return ctx;
}


static void
neighbour_say(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    const char *format, ngx_uint_t number)
{
    v->data = ngx_pnalloc(r->pool, 64);
    v->len = ngx_sprintf(v->data, format, number) - v->data;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
}


static ngx_int_t
neighbour_get_set(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    neighbour_say(r, v, "got %ui", data);

    return NGX_OK;
}


static void
neighbour_set(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    neighbour_ctx(r)->data = data;
}


static ngx_int_t
neighbour_get_data(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    neighbour_say(r, v, "set %ui", neighbour_ctx(r)->data);

    return NGX_OK;
}


static ngx_int_t
neighbour_count(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    neighbour_say(r, v, "%ui", ++neighbour_ctx(r)->asked);
    v->no_cacheable = 1;

    return NGX_OK;
}


static ngx_int_t
neighbour_late(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    u_char                     *p;
    ngx_http_variable_value_t  *argument, *map;

    argument = ngx_http_get_flushed_variable(r, late_argument);
    map = ngx_http_get_flushed_variable(r, late_map);

    p = ngx_pnalloc(r->pool, argument->len + map->len + 1);
    v->data = p;
    p = ngx_cpymem(p, argument->data, argument->len);
    *p++ = '|';
    p = ngx_cpymem(p, map->data, map->len);
    v->len = p - v->data;
    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;

    return NGX_OK;
}


static ngx_int_t
neighbour_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    size_t            size;
    ngx_buf_t        *b;
    ngx_flag_t       *on;
    ngx_chain_t      *cl, *out, **last;
    neighbour_ctx_t  *ctx;

    on = ngx_http_get_module_loc_conf(r, neighbour_module);

    if (!*on || in == NULL) {
        return next_filter(r, in);
    }

    ctx = neighbour_ctx(r);

    if (ctx->file.log == NULL) {
        ctx->file.log = r->connection->log;
        ctx->file.fd = fileno(tmpfile());
    }

    last = &out;

    for (cl = in; cl; cl = cl->next) {
        b = ngx_calloc_buf(r->pool);
        *b = *cl->buf;
        size = cl->buf->last - cl->buf->pos;

        if (size) {
            b->file = &ctx->file;
            b->file_pos = ctx->file.offset;
            (void) ngx_write_file(&ctx->file, cl->buf->pos, size,
                                  ctx->file.offset);
            b->file_last = ctx->file.offset;
            b->in_file = 1;
            b->memory = 0;
            b->temporary = 0;
            b->pos = b->last = b->start = b->end = NULL;
            cl->buf->pos = cl->buf->last;
        }

        *last = ngx_alloc_chain_link(r->pool);
        (*last)->buf = b;
        last = &(*last)->next;
    }

    *last = NULL;

    return next_filter(r, out);
}


static ngx_int_t
neighbour_add_variables(ngx_conf_t *cf)
{
    ngx_uint_t            i;
    ngx_http_variable_t  *v;

    static ngx_http_variable_t  vars[] = {
        { ngx_string("neighbour_set"), neighbour_set, neighbour_get_set, 42,
          NGX_HTTP_VAR_CHANGEABLE, 0 },
        { ngx_string("neighbour_data"), NULL, neighbour_get_data, 0,
          NGX_HTTP_VAR_NOCACHEABLE, 0 },
        { ngx_string("neighbour_counter"), NULL, neighbour_count, 0,
          NGX_HTTP_VAR_CHANGEABLE, 0 },
        { ngx_string("neighbour_late"), NULL, neighbour_late, 0,
          NGX_HTTP_VAR_NOCACHEABLE, 0 }
    };

    for (i = 0; i < sizeof(vars) / sizeof(vars[0]); i++) {
        v = ngx_http_add_variable(cf, &vars[i].name, vars[i].flags);
        v->set_handler = vars[i].set_handler;
        v->get_handler = vars[i].get_handler;
        v->data = vars[i].data;
    }

    return NGX_OK;
}


static ngx_int_t
neighbour_init(ngx_conf_t *cf)
{
    static ngx_str_t  argument = ngx_string("frappe_arg_late_name");
    static ngx_str_t  map = ngx_string("late_map");

    late_argument = ngx_http_get_variable_index(cf, &argument);
    late_map = ngx_http_get_variable_index(cf, &map);

    next_filter = ngx_http_top_request_body_filter;
    ngx_http_top_request_body_filter = neighbour_filter;

    return NGX_OK;
}


static void *
neighbour_create_conf(ngx_conf_t *cf)
{
    ngx_flag_t  *on;

    on = ngx_palloc(cf->pool, sizeof(ngx_flag_t));
    *on = NGX_CONF_UNSET;

    return on;
}


static char *
neighbour_merge_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_flag_t  *prev = parent, *on = child;

    ngx_conf_merge_value(*on, *prev, 0);

    return NGX_CONF_OK;
}
