{#-
  Materialisation `partition`: one Parquet file of one month, and a view over it.

  Why not dbt-duckdb's `external`: that one writes a row of NULLs into an empty table, which a
  buyer would receive, and holds the whole table in memory before it writes. This one checks the
  contract, streams the query into the file in key order, and moves the file into place when it is
  whole (USE_TMP_FILE). The folder must exist: DuckDB makes none.

  Config: meta.zone (core | product), meta.key (columns to order by, a full key).
-#}
{% materialization partition, adapter='duckdb' %}
  {%- set settings = config.get('meta', {}) -%}
  {%- set location = partition_location(settings.zone, this.identifier) -%}
  {%- set target = this.incorporate(type='view') -%}

  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks, inside_transaction=True) }}

  {%- if config.get('contract').enforced -%}
    {{ get_assert_columns_equivalent(compiled_code) }}
    {%- set query = get_select_subquery(compiled_code) -%}
  {%- else -%}
    {%- set query = compiled_code -%}
  {%- endif -%}

  {% call statement('write') -%}
    copy (
      select * from (
        {{ query }}
      ) order by {{ settings.key | join(', ') }}
    ) to '{{ location }}' (
      format parquet, compression zstd, row_group_size 122880, use_tmp_file true
    )
  {%- endcall %}

  {% call statement('main') -%}
    create or replace view {{ target }} as
    select * from read_parquet('{{ location }}', hive_partitioning = false)
  {%- endcall %}

  {{ run_hooks(post_hooks, inside_transaction=True) }}
  {{ adapter.commit() }}
  {{ run_hooks(post_hooks, inside_transaction=False) }}
  {{ return({'relations': [target]}) }}
{% endmaterialization %}
