{#- In force at the end of the month; see macros/current.sql. -#}
{{ rows_in_force('int_condition_occurrence', "products <> ''") }}
