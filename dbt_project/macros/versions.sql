{#-
  All versions of a core table up to this month: the partitions of earlier months from the
  warehouse, and this month's rows from the model itself, which may still lie in a staging folder.
-#}
{%- macro versions_of(relation) -%}
  {%- set earlier = found_files(
        [warehouse_root() ~ '/core/' ~ relation.identifier ~ '/month=*/part.parquet'], run_month()
      ) if execute and not is_unit_test() else [] -%}
  (
    select * from {{ relation }}
    {%- if earlier %}
    union all by name
    select * from {{ read_files(earlier) }}
    {%- endif %}
  )
{%- endmacro -%}

{#- Unit tests bring their own rows; files of a real warehouse must not join them. -#}
{%- macro is_unit_test() -%}
  {{- return(model is defined and model.resource_type == 'unit_test') -}}
{%- endmacro -%}
