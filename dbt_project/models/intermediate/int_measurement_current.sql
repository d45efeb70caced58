{#- Measurements in force that some product can use; see macros/current.sql. -#}
{{ rows_in_force('int_measurement', "products <> '' and value_original is not null") }}
