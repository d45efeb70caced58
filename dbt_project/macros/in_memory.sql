{#-
  Views and tables of one run. The engine is in memory and starts empty, so there is nothing to swap,
  back up or drop: one statement each, where the built-in ones send three to five.
-#}
{% materialization view, adapter='duckdb' %}
  {{ return(create_in_memory('view')) }}
{% endmaterialization %}

{% materialization table, adapter='duckdb' %}
  {{ return(create_in_memory('table')) }}
{% endmaterialization %}

{%- macro create_in_memory(kind) -%}
  {%- set target = this.incorporate(type=kind) -%}
  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks, inside_transaction=True) }}
  {% call statement('main') -%}
    create or replace {{ kind }} {{ target }} as (
      {{ sql }}
    )
  {%- endcall %}
  {{ run_hooks(post_hooks, inside_transaction=True) }}
  {{ adapter.commit() }}
  {{ run_hooks(post_hooks, inside_transaction=False) }}
  {{ return({'relations': [target]}) }}
{%- endmacro -%}
